"""HyperTransformer: attention whose projections depend on the window."""

import pytest
import torch

from hyperforecast.nn import Condition, ForecastingNetwork, HyperLinear

L, H, C = 24, 6, 3


def make(backbone: str = "patchtst", **options: object) -> ForecastingNetwork:
    torch.manual_seed(0)
    return ForecastingNetwork(
        lookback=L,
        horizon=H,
        n_channels=C,
        backbone=backbone,
        backbone_kwargs={"d_model": 8, "n_heads": 2, "d_ff": 12, "e_layers": 2, "dropout": 0.0},
        parts={"hyper-attention": options} if options.pop("on", True) else {},
    ).double()


def windows() -> torch.Tensor:
    torch.manual_seed(1)
    return torch.randn(4, L, C).double().cumsum(dim=1)


def moved(network: ForecastingNetwork) -> ForecastingNetwork:
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return network


def where(network: ForecastingNetwork) -> set[str]:
    return {name for name, m in network.named_modules() if isinstance(m, HyperLinear)}


@pytest.mark.parametrize("backbone", ["patchtst", "itransformer"])
def test_starts_as_the_plain_transformer(backbone: str) -> None:
    plain, hyper = make(backbone, on=False).eval(), make(backbone).eval()
    with torch.no_grad():
        torch.testing.assert_close(hyper(windows()), plain(windows()), rtol=0, atol=1e-13)


@pytest.mark.parametrize("backbone", ["patchtst", "itransformer"])
def test_stands_at_every_projection_of_every_layer(backbone: str) -> None:
    expected = {
        f"backbone.layers.{layer}.attention.{projection}"
        for layer in (0, 1)
        for projection in ("query", "key", "value", "output")
    }
    assert where(make(backbone)) == expected
    queries = {name for name in expected if name.endswith("query")}
    assert where(make(backbone, projections=["*.query"])) == queries


@pytest.mark.parametrize("backbone", ["patchtst", "itransformer"])
def test_every_window_against_a_plain_transformer_with_its_own_weights(backbone: str) -> None:
    network = moved(make(backbone, rank=2)).eval()
    plain = make(backbone, on=False).eval()
    x = windows()
    normalised = x.transpose(1, 2)
    statistics = network.instance_norm.statistics(normalised)
    normalised = network.instance_norm.normalise(normalised, statistics)
    with torch.no_grad():
        found = network(x)
        plain.load_state_dict(network.state_dict(), strict=False)
        for b in range(len(x)):
            for name in where(network):
                layer, target = network.get_submodule(name), plain.get_submodule(name)
                term = layer.terms["hyper-attention"]
                weight, bias = term.generator.generate(
                    term.context(Condition(normalised[b : b + 1]))
                )
                target.weight.copy_(layer.weight + weight[0])
                target.bias.copy_(layer.bias + bias[0])
            torch.testing.assert_close(found[b : b + 1], plain(x[b : b + 1]), rtol=0, atol=1e-11)


def test_refused_without_attention() -> None:
    with pytest.raises(ValueError, match=r"'dlinear' has no attention.*Choose 'patchtst'"):
        ForecastingNetwork(lookback=L, horizon=H, n_channels=C, parts={"hyper-attention": {}})


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"projections": ["*.mlp.0"]}, r"projections names '\*.mlp.0'.*'backbone.layers.0"),
        ({"projections": "*.query"}, "projections must be a sequence of strings"),
        ({"rank": 9}, "Choose rank <= 8"),
    ],
)
def test_wrong_options(options: dict, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        make(**options)

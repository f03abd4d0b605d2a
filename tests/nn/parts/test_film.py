"""FiLM: activations scaled and shifted from a channel's vector."""

import pytest
import torch

from hyperforecast.nn import ForecastingNetwork, Modulation, Term
from hyperforecast.nn.backbones import BACKBONES, backbone_options

L, H, C = 24, 6, 3
HIDDEN = [name for name in BACKBONES if name not in ("dlinear", "nlinear")]


def make(backbone: str = "rlinear", **options: object) -> ForecastingNetwork:
    small = {"d_model": 8, "d_ff": 12, "dropout": 0.0}
    known = backbone_options(BACKBONES[backbone])
    torch.manual_seed(0)
    return ForecastingNetwork(
        lookback=L,
        horizon=H,
        n_channels=C,
        backbone=backbone,
        backbone_kwargs={name: size for name, size in small.items() if name in known},
        parts={"film": options} if options.pop("on", True) else {},
        n_past_covariates=2,
        n_future_covariates=1,
    ).double()


def inputs() -> tuple[torch.Tensor, ...]:
    torch.manual_seed(1)
    return (
        torch.randn(4, L, C).double(),
        torch.randn(4, L, 2).double(),
        torch.ones(4, H, 1).double(),
    )


def move(network: ForecastingNetwork) -> None:
    """Give scales and shifts values that are not those of the start."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if ".film." in name:
                parameter.add_(0.3 * torch.randn_like(parameter))


def modulations(network: ForecastingNetwork) -> dict[str, Modulation]:
    return {name: m for name, m in network.named_modules() if isinstance(m, Modulation)}


@pytest.mark.parametrize("backbone", HIDDEN)
def test_starts_as_the_plain_backbone(backbone: str) -> None:
    with torch.no_grad():
        plain, modulated = make(backbone, on=False), make(backbone)
        assert torch.equal(modulated.eval()(*inputs()), plain.eval()(*inputs()))
        move(modulated)
        assert not torch.allclose(modulated(*inputs()), plain(*inputs()))


def test_every_channel_against_a_plain_network_with_its_own_scales() -> None:
    """RLinear's features, scaled and shifted by hand, channel by channel."""
    network = make(channel_embedding_dim=2)
    move(network)
    [layer] = modulations(network).values()
    term = layer.terms["film"]
    assert isinstance(term, Term)
    z, weight, bias = term.context.weight, term.generator.weight, term.generator.bias
    window, *covariates = inputs()
    x = window.transpose(1, 2)
    mean, deviation = (
        x.mean(-1, keepdim=True),
        (x.var(-1, correction=0, keepdim=True) + 1e-5).sqrt(),
    )
    embedding, head = network.backbone.embedding, network.head
    expected = torch.empty(4, H, C).double()
    for n in range(C):
        scale = 1 + weight[0] @ z[n] + bias[0]
        shift = weight[1] @ z[n] + bias[1]
        hidden = ((x[:, n] - mean[:, n]) / deviation[:, n]) @ embedding.weight.T + embedding.bias
        y = (scale * hidden + shift) @ head.weight.T + head.bias
        expected[:, :, n] = y * deviation[:, n] + mean[:, n]
    with torch.no_grad():
        found = network.eval()(window, *covariates).squeeze(-1)  # covariates' maps are zero
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("backbone", HIDDEN)
def test_folds(backbone: str) -> None:
    network = make(backbone)
    move(network)
    folded = network.eval().fold()
    assert not modulations(folded)
    with torch.no_grad():
        torch.testing.assert_close(folded(*inputs()), network(*inputs()), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("backbone", "places"),
    [
        ("rlinear", {"features"}),
        ("rmlp", {"features", "backbone.embedded"}),
        ("tsmixer", {"features", "backbone.blocks.0.time_mixed", "backbone.blocks.1.time_mixed"}),
        ("moderntcn", {"features", "backbone.embedded"}),
        (
            "patchtst",
            {"features", "backbone.embedded", *(f"backbone.layers.{i}.attended" for i in (0, 1))},
        ),
        # further tokens are covariates: the layers' tokens are not the channels
        ("itransformer", {"features", "backbone.embedded"}),
    ],
)
def test_where_it_stands(backbone: str, places: set[str]) -> None:
    assert set(modulations(make(backbone))) == places


def test_named_places_alone() -> None:
    assert set(modulations(make("rmlp", modulated=["backbone.*"]))) == {"backbone.embedded"}


def test_with_vectors_of_no_length_all_channels_share() -> None:
    network = make(channel_embedding_dim=0)
    move(network)
    window, *covariates = inputs()
    alike = window[..., :1].expand(-1, -1, C)
    with torch.no_grad():
        y = network.eval()(alike, *covariates)
    torch.testing.assert_close(y, y[:, :, :1].expand_as(y), rtol=0, atol=1e-12)


@pytest.mark.parametrize("backbone", ["dlinear", "nlinear"])
def test_refused_where_nothing_is_hidden(backbone: str) -> None:
    with pytest.raises(ValueError, match=f"{backbone!r} has no hidden activations.*'rlinear'"):
        make(backbone)


def test_refused_where_tokens_are_not_channels() -> None:
    match = (
        r"cannot stand at 'backbone.layers.0.attended', which has no channels.*'backbone.embedded'"
    )
    with pytest.raises(ValueError, match=match):
        make("itransformer", modulated=["backbone.layers.0.attended"])


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"modulated": ["backbone.nowhere"]}, "modulated names 'backbone.nowhere'.*'features'"),
        ({"modulated": "features"}, "modulated must be a sequence of strings; got"),
        ({"channel_embedding_dim": -1}, "channel_embedding_dim must be a whole number >= 0"),
        ({"channel_embedding_dim": 4}, "Choose channel_embedding_dim <= 3"),
    ],
)
def test_wrong_options(options: dict, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        make(**options)

"""A head of its own for every window."""

import pytest
import torch

from hyperforecast.nn import Condition, ForecastingNetwork

L, H, C = 24, 6, 3


def make(backbone: str = "rlinear", **options: object) -> ForecastingNetwork:
    torch.manual_seed(0)
    return ForecastingNetwork(
        lookback=L,
        horizon=H,
        n_channels=C,
        backbone=backbone,
        backbone_kwargs={"d_model": 8} if backbone == "rlinear" else {},
        parts={"dynamic": options} if options.pop("on", True) else {},
        n_past_covariates=2,
        n_future_covariates=1,
    ).double()


def inputs(batch: int = 4) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(1)
    return (
        torch.randn(batch, L, C).double(),
        torch.randn(batch, L, 2).double(),
        torch.randn(batch, H, 1).double(),
    )


def moved(network: ForecastingNetwork) -> ForecastingNetwork:
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return network


@pytest.mark.parametrize("backbone", ["dlinear", "rlinear", "itransformer"])
def test_starts_as_the_plain_backbone(backbone: str) -> None:
    plain, dynamic = make(backbone, on=False).eval(), make(backbone).eval()
    with torch.no_grad():
        torch.testing.assert_close(dynamic(*inputs()), plain(*inputs()), rtol=0, atol=1e-14)


@pytest.mark.parametrize("training", [True, False])
def test_every_window_against_a_plain_network_with_its_own_weights(training: bool) -> None:
    """The weights of one window after the other are written into the plain network."""
    network = moved(make(rank=2, summary_dim=3)).train(training)
    given = inputs()
    x = given[0].transpose(1, 2)
    x = network.instance_norm.normalise(x, network.instance_norm.statistics(x))
    layers = {name: network.get_submodule(name) for name in ("head", "past_covariate_map")}
    plain = make(on=False).train(training)
    with torch.no_grad():
        found = network(*given)
        plain.load_state_dict(network.state_dict(), strict=False)
        for b in range(len(x)):
            for name, layer in layers.items():
                term = layer.terms["dynamic"]
                weight, bias = term.generator.generate(term.context(Condition(x[b : b + 1])))
                target = plain.get_submodule(name)
                target.weight.copy_(layer.weight + weight[0])
                if layer.bias is not None:
                    target.bias.copy_(layer.bias + bias[0])
            future = network.future_covariate_map
            term = future.terms["dynamic"]
            weight, _ = term.generator.generate(term.context(Condition(x[b : b + 1])))
            plain.future_covariate_map.weight.copy_(future.weight + weight[0])
            expected = plain(*(values[b : b + 1] for values in given))
            torch.testing.assert_close(found[b : b + 1], expected, rtol=0, atol=1e-11)


def test_two_windows_of_a_batch_differ_and_do_not_see_each_other() -> None:
    network = moved(make()).eval()
    window, *covariates = inputs()
    term = network.head.terms["dynamic"]

    def weights(x: torch.Tensor) -> torch.Tensor:
        return term.generator.generate(term.context(Condition(x.transpose(1, 2))))[0]

    with torch.no_grad():
        both = weights(window)
        assert not torch.allclose(both[0], both[1])
        torch.testing.assert_close(weights(window[:1])[0], both[0], rtol=0, atol=1e-12)
        alone = network(window[:1], *(one[:1] for one in covariates))
        torch.testing.assert_close(network(window, *covariates)[:1], alone, rtol=0, atol=1e-11)


def test_does_not_fold_and_says_why() -> None:
    network = make()
    assert not network.folds
    with pytest.raises(ValueError, match="What 'dynamic' generates depends on the window"):
        network.fold()


def test_of_maps_of_few_covariates_the_rank_is_what_they_can_have() -> None:
    network = make(rank=3)
    ranks = {
        name: network.get_submodule(name).terms["dynamic"].generator.left.shape[-1]
        for name in ("head", "past_covariate_map", "future_covariate_map")
    }
    assert ranks == {"head": 3, "past_covariate_map": 3, "future_covariate_map": 1}


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"rank": 0}, "rank must be a whole number >= 1"),
        ({"rank": 7}, r"'(head|past_covariate_map)' has .* Choose rank <= 6"),
        ({"summary_dim": 0}, "summary_dim must be a whole number >= 1"),
    ],
)
def test_wrong_options(options: dict, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        make(**options)

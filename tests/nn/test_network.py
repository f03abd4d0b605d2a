import re

import pytest
import torch
from torch import Tensor, nn

from hyperforecast.nn import ChannelEmbedding, ForecastingNetwork, count_parameters
from hyperforecast.nn.contexts import correlation_embedding

B, L, H, C = 6, 12, 4, 5
METHODS = [
    ("plain", {}),
    ("plain", {"individual": True}),
    ("hn-mvts", {"channel_embedding_dim": 3}),
    ("hn-mvts", {"channel_embedding_dim": 3, "hyper_hidden": [4]}),
]
N_PAST, N_FUTURE, N_STATIC = 2, 3, 2
EVERY_KIND = {
    "n_past_covariates": N_PAST,
    "n_future_covariates": N_FUTURE,
    "n_static_covariates": N_STATIC,
}


def make(method: tuple = METHODS[0], **kwargs: object) -> ForecastingNetwork:
    name, options = method
    return ForecastingNetwork(
        lookback=L, horizon=H, n_channels=C, method=name, method_kwargs=options, **kwargs
    ).double()


def randomise(network: nn.Module) -> None:
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_()


def covariates(static_rows: int = C) -> dict[str, Tensor]:
    shapes = {
        "past_covariates": (B, L, N_PAST),
        "future_covariates": (B, H, N_FUTURE),
        "static_covariates": (B, static_rows, N_STATIC),
    }
    return {name: torch.randn(shape, dtype=torch.float64) for name, shape in shapes.items()}


def x() -> Tensor:
    return torch.randn(B, L, C, dtype=torch.float64)


def weight_of(layer: nn.Module, channel: int) -> Tensor:
    """The weight (O, I) that a covariate map applies to a channel."""
    if isinstance(layer, nn.Linear):
        return layer.weight
    weight = layer.weight if hasattr(layer, "weight") else layer.generate()[0]
    return weight[channel]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("roles", [("location",), ("location", "scale", "free")])
def test_shape(method: tuple, roles: tuple[str, ...]) -> None:
    assert make(method, output_roles=roles)(x()).shape == (B, H, C, len(roles))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["past_covariates", "future_covariates", "static_covariates"])
def test_covariates_start_without_effect_and_then_have_one(method: tuple, kind: str) -> None:
    network = make(method, **EVERY_KIND)
    torch.manual_seed(1)
    inputs, window = covariates(), x()
    other = {**inputs, kind: inputs[kind] + 1}
    assert torch.equal(network(window, **inputs), network(window, **other))
    randomise(network)
    difference = (network(window, **inputs) - network(window, **other)).abs()
    assert (difference > 1e-6).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("static_rows", [C, 1])
def test_each_covariate_map_against_a_loop(method: tuple, static_rows: int) -> None:
    roles = ("location", "free")
    network = make(method, output_roles=roles, **EVERY_KIND)
    bare = make(method, output_roles=roles)
    randomise(network)
    bare.load_state_dict(network.state_dict(), strict=False)
    window, inputs = x(), covariates(static_rows)

    expected = bare(window).clone()
    for c in range(C):
        past = weight_of(network.past_covariate_map, c)
        future = weight_of(network.future_covariate_map, c)
        static = weight_of(network.static_covariate_map, c)
        for b in range(B):
            lags = [inputs["past_covariates"][b, lag, i] for lag in range(L) for i in range(N_PAST)]
            of_channel = inputs["static_covariates"][b, c if static_rows == C else 0]
            for h in range(H):
                for p in range(2):
                    expected[b, h, c, p] += past[h * 2 + p] @ torch.stack(lags)
                    expected[b, h, c, p] += future[p] @ inputs["future_covariates"][b, h]
                    expected[b, h, c, p] += static[h * 2 + p] @ of_channel
    torch.testing.assert_close(network(window, **inputs), expected, rtol=0, atol=1e-11)


def test_covariates_are_in_the_units_of_the_normalised_window() -> None:
    network = make(instance_norm="revin", n_future_covariates=1)
    randomise(network)
    window = x()
    future = torch.ones(B, H, 1, dtype=torch.float64)
    effect = network(window, future_covariates=future) - network(
        window, future_covariates=0 * future
    )
    deviation = (window.var(dim=1, correction=0) + 1e-5).sqrt()
    expected = network.future_covariate_map.weight.squeeze() * deviation
    torch.testing.assert_close(effect[..., 0], expected[:, None].expand(B, H, C))


def test_heads_of_different_channels_differ() -> None:
    network = make(METHODS[2], instance_norm="none")
    randomise(network)
    window = x()[:, :, :1].expand(B, L, C)
    y = network(window)[..., 0]
    assert (y - y[..., :1]).abs()[..., 1:].amin() > 1e-6


@pytest.mark.parametrize("norm", ["none", "last", "mean", "revin", "revin-affine"])
def test_shift_and_scale_of_a_window_reach_the_forecast(norm: str) -> None:
    network = make(instance_norm=norm)
    nn.init.normal_(network.head.weight)  # a mean of the window would follow any shift
    window = x()
    base = network(window)
    shifted = network(window + 100)
    if norm == "none":
        assert not torch.allclose(shifted, base + 100)
        return
    torch.testing.assert_close(shifted, base + 100, rtol=0, atol=1e-9)
    if norm.startswith("revin"):
        scaled = network(1000 * window)
        torch.testing.assert_close(scaled, 1000 * base, rtol=1e-4, atol=1e-2)


class TestParameterCounts:
    """DLinear: a head of H·P x 2L and its bias, nothing else."""

    ONE_HEAD = H * 2 * L + H

    def test_plain(self) -> None:
        assert count_parameters(make()) == self.ONE_HEAD

    def test_individual(self) -> None:
        assert count_parameters(make(METHODS[1])) == C * self.ONE_HEAD

    def test_hn_mvts(self) -> None:
        assert count_parameters(make(METHODS[2])) == C * 3 + (1 + 3) * self.ONE_HEAD

    def test_hn_mvts_mlp(self) -> None:
        trunk = 3 * 4 + 4
        assert count_parameters(make(METHODS[3])) == C * 3 + trunk + (1 + 4) * self.ONE_HEAD

    def test_covariates_of_hn_mvts(self) -> None:
        maps = H * L * N_PAST + N_FUTURE + H * N_STATIC  # weights only
        expected = C * 3 + (1 + 3) * (self.ONE_HEAD + maps)
        assert count_parameters(make(METHODS[2], **EVERY_KIND)) == expected

    def test_outputs(self) -> None:
        assert count_parameters(make(output_roles=("location",) * 3)) == 3 * self.ONE_HEAD


def test_no_embedding_equals_the_plain_backbone() -> None:
    shared = make(("hn-mvts", {"channel_embedding_dim": 0}))
    plain = make()
    with torch.no_grad():
        plain.head.weight.copy_(shared.head.generator.weight)
        plain.head.bias.copy_(shared.head.generator.bias)
    window = x()
    torch.testing.assert_close(shared(window), plain(window), rtol=0, atol=1e-12)


def test_full_embedding_can_be_one_free_head_each() -> None:
    generated = make(("hn-mvts", {"channel_embedding_dim": C}))
    free = make(METHODS[1])
    randomise(free)
    generator = generated.head.generator
    with torch.no_grad():
        generated.head.context.weight.copy_(torch.eye(C))
        generator.weight_bases.copy_(free.head.weight - generator.weight)
        generator.bias_bases.copy_(free.head.bias - generator.bias)
    window = x()
    torch.testing.assert_close(generated(window), free(window), rtol=0, atol=1e-11)


def test_channel_embedding_and_start() -> None:
    assert make().channel_embedding() is None
    network = make(METHODS[2])
    series = torch.randn(50, C, dtype=torch.float64)
    network.start_from([series])
    torch.testing.assert_close(network.channel_embedding(), correlation_embedding([series], 3))
    contexts = [m for m in network.modules() if isinstance(m, ChannelEmbedding)]
    assert len(contexts) == 1
    make().start_from([series])  # nothing to start: no error


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"backbone": "dlinar"}, "Unknown backbone 'dlinar'. Did you mean 'dlinear'"),
        ({"method": "hnmvts"}, "Unknown method 'hnmvts'. Did you mean 'hn-mvts'"),
        ({"instance_norm": "revine"}, "Unknown instance_norm 'revine'. Did you mean 'revin'"),
        (
            {"backbone": "nlinear", "backbone_kwargs": {"kernel_size": 3}},
            "The backbone 'nlinear' has no option 'kernel_size' in backbone_kwargs. It has none.",
        ),
        (
            {"backbone": "dlinear", "backbone_kwargs": {"d_model": 3}},
            "The backbone 'dlinear' has no option 'd_model' in backbone_kwargs. "
            "It has: 'kernel_size'.",
        ),
    ],
)
def test_wrong_names(argument: dict, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        ForecastingNetwork(lookback=L, horizon=H, n_channels=C, **argument)

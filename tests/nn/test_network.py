import itertools
import re

import pytest
import torch
from torch import Tensor, nn

from hyperforecast.nn import (
    Chain,
    ChannelEmbedding,
    Condition,
    Conditioned,
    ForecastingNetwork,
    correlation_embedding,
    count_parameters,
)
from hyperforecast.nn.hyper_layers.hyper_linear import HyperLinear

B, L, H, C = 6, 12, 4, 5
PARTS = [
    {},
    {"individual": {}},
    {"hn-mvts": {"channel_embedding_dim": 3}},
    {"hn-mvts": {"channel_embedding_dim": 3, "hyper_hidden": [4]}},
]
N_PAST, N_FUTURE, N_STATIC = 2, 3, 2
EVERY_KIND = {
    "n_past_covariates": N_PAST,
    "n_future_covariates": N_FUTURE,
    "n_static_covariates": N_STATIC,
}


def make(parts: dict | None = None, **kwargs: object) -> ForecastingNetwork:
    return ForecastingNetwork(lookback=L, horizon=H, n_channels=C, parts=parts, **kwargs).double()


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
    weight = layer.generate()[0] if isinstance(layer, HyperLinear) else layer.weight
    return weight[channel]


@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize("roles", [("location",), ("location", "scale", "free")])
def test_shape(parts: dict, roles: tuple[str, ...]) -> None:
    assert make(parts, output_roles=roles)(x()).shape == (B, H, C, len(roles))


@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize("kind", ["past_covariates", "future_covariates", "static_covariates"])
def test_covariates_start_without_effect_and_then_have_one(parts: dict, kind: str) -> None:
    network = make(parts, **EVERY_KIND)
    torch.manual_seed(1)
    inputs, window = covariates(), x()
    other = {**inputs, kind: inputs[kind] + 1}
    assert torch.equal(network(window, **inputs), network(window, **other))
    randomise(network)
    difference = (network(window, **inputs) - network(window, **other)).abs()
    assert (difference > 1e-6).all()


@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize("static_rows", [C, 1])
def test_each_covariate_map_against_a_loop(parts: dict, static_rows: int) -> None:
    roles = ("location", "free")
    network = make(parts, output_roles=roles, **EVERY_KIND)
    bare = make(parts, output_roles=roles)
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
    network = make(PARTS[2], instance_norm="none")
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
        assert count_parameters(make(PARTS[1])) == C * self.ONE_HEAD

    def test_hn_mvts(self) -> None:
        assert count_parameters(make(PARTS[2])) == C * 3 + (1 + 3) * self.ONE_HEAD

    def test_hn_mvts_mlp(self) -> None:
        trunk = 3 * 4 + 4
        assert count_parameters(make(PARTS[3])) == C * 3 + trunk + (1 + 4) * self.ONE_HEAD

    def test_covariates_of_hn_mvts(self) -> None:
        maps = H * L * N_PAST + N_FUTURE + H * N_STATIC  # weights only
        expected = C * 3 + (1 + 3) * (self.ONE_HEAD + maps)
        assert count_parameters(make(PARTS[2], **EVERY_KIND)) == expected

    def test_outputs(self) -> None:
        assert count_parameters(make(output_roles=("location",) * 3)) == 3 * self.ONE_HEAD


def test_no_embedding_equals_the_plain_backbone() -> None:
    shared = make({"hn-mvts": {"channel_embedding_dim": 0}})
    plain = make()
    with torch.no_grad():
        plain.head.weight.copy_(shared.head.weight)
        plain.head.bias.copy_(shared.head.bias)
    window = x()
    torch.testing.assert_close(shared(window), plain(window), rtol=0, atol=1e-12)


def test_full_embedding_can_be_one_free_head_each() -> None:
    generated = make({"hn-mvts": {"channel_embedding_dim": C}})
    free = make(PARTS[1])
    randomise(free)
    term = generated.head.terms["hn-mvts"]
    with torch.no_grad():
        term.context.weight.copy_(torch.eye(C))
        term.generator.weight_bases.copy_(free.head.weight - generated.head.weight)
        term.generator.bias_bases.copy_(free.head.bias - generated.head.bias)
    window = x()
    torch.testing.assert_close(generated(window), free(window), rtol=0, atol=1e-11)


def test_channel_embedding_and_start() -> None:
    assert make().contexts("hn-mvts") == []
    network = make(PARTS[2])
    series = torch.randn(50, C, dtype=torch.float64)
    network.start_from([series])
    [context] = network.contexts("hn-mvts")
    torch.testing.assert_close(context(), correlation_embedding([series], 3))
    contexts = [m for m in network.modules() if isinstance(m, ChannelEmbedding)]
    assert len(contexts) == 1
    make().start_from([series])  # nothing to start: no error


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"backbone": "dlinar"}, "Unknown backbone 'dlinar'. Did you mean 'dlinear'"),
        ({"parts": {"hnmvts": {}}}, "Unknown part 'hnmvts'. Did you mean 'hn-mvts'"),
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


class TestCondition:
    """What a pass is conditioned on reaches every stage of the network."""

    @staticmethod
    def noted(network: ForecastingNetwork, name: str) -> list[Condition | None]:
        """Put a module that notes the condition behind the layer of a name."""
        seen: list[Condition | None] = []

        class Noting(Conditioned):
            def forward(self, x: Tensor, condition: Condition | None = None) -> Tensor:
                seen.append(condition)
                return x

        parent, _, child = name.rpartition(".")
        layer = network.get_submodule(name)
        setattr(network.get_submodule(parent), child, Chain(layer, Noting()))
        return seen

    @pytest.mark.parametrize(
        "name",
        [
            "head",
            "features",
            "backbone.embedding",
            "backbone.mlp.0",
            "past_covariate_map",
            "future_covariate_map",
            "static_covariate_map",
            "factor_map",
        ],
    )
    def test_is_the_normalised_window(self, name: str) -> None:
        small = {"d_model": 4}
        network = make(backbone="rmlp", backbone_kwargs=small, n_factors=1, **EVERY_KIND)
        seen = self.noted(network, name)
        window = x()
        network(window, **covariates())
        [condition] = seen
        normal = window.transpose(1, 2)
        normal = normal - normal.mean(dim=-1, keepdim=True)
        normal = normal / (normal.var(dim=-1, keepdim=True, correction=0) + 1e-5).sqrt()
        torch.testing.assert_close(condition.window, normal)
        # the network maps covariates itself
        assert condition.past_covariates is condition.future_covariates is None

    def test_an_embedding_before_the_backbone(self) -> None:
        network = make({"light-sae": {"variant": "shared", "embedding_dim": 6}})
        seen = self.noted(network, "embedding")
        network(x())
        assert seen[0].window.shape == (B, C, L)

    def test_a_backbone_that_takes_covariates_finds_them_there(self) -> None:
        network = make(
            backbone="itransformer",
            backbone_kwargs={"d_model": 8},
            n_past_covariates=3,
            n_future_covariates=2,
        )
        seen = self.noted(network, "backbone.past_embedding")
        past, future = (torch.randn(B, n, k, dtype=torch.float64) for n, k in ((L, 3), (H, 2)))
        network(x(), past, future)
        assert seen[0].past_covariates is past
        assert seen[0].future_covariates is future


class TestParts:
    def test_names_of_sites(self) -> None:
        network = make({"light-sae": None, "mola": None, "film": None}, backbone="rmlp")
        assert network.sites() == {
            "backbone.embedding": "linear",
            "backbone.embedded": "activations",
            "backbone.mlp.0": "linear",
            "backbone.mlp.3": "linear",
            "features": "activations",
            "head": "linear",
        }

    def test_are_put_in_by_slot_whatever_the_order_given(self) -> None:
        chosen = {"mola": None, "hn-mvts": None, "light-sae": {"embedding_dim": 6}}
        assert list(make(chosen).parts) == ["light-sae", "hn-mvts", "mola"]

    def test_combine_as_their_equation_says(self) -> None:
        """Head, embedding and segments at once, against plain networks of summed weights."""
        parts = {
            "light-sae": {"n_components": 2, "rank": 2},
            "hn-mvts": {"channel_embedding_dim": 2},
            "mola": {"n_segments": 2, "n_experts": 2, "rank": 1},
        }
        network = make(parts, backbone="rmlp", backbone_kwargs={"d_model": 4}).eval()
        randomise(network)
        window = x()
        y = network(window)
        for s, c in itertools.product(range(2), range(C)):
            alone = ForecastingNetwork(
                lookback=L, horizon=2, n_channels=1, backbone="rmlp", backbone_kwargs={"d_model": 4}
            ).double()
            state = {
                name: network.state_dict()[name]
                for name in alone.state_dict()
                if "gap_filler" not in name
            }
            for name, layer in network.named_modules():
                if isinstance(layer, HyperLinear):
                    for term in layer.terms.values():
                        weight, bias = term.generator.generate(term.context())
                        n = {"channel": c, "segment": s}[term.axis]
                        state[f"{name}.weight"] = state[f"{name}.weight"] + weight[n]
                        if bias is not None:
                            state[f"{name}.bias"] = state[f"{name}.bias"] + bias[n]
            alone.load_state_dict(state)
            expected = alone(window[..., [c]])
            found = y[:, 2 * s : 2 * s + 2, [c]]
            torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)

    def test_whether_it_folds(self) -> None:
        assert make().folds
        assert make({"hn-mvts": {}, "mola": {}}).folds

    def test_contexts_of_a_part(self) -> None:
        network = make({"hn-mvts": {}, "mola": {"n_segments": 2}}, **EVERY_KIND)
        assert len(network.contexts("hn-mvts")) == 1  # shared by head and maps
        assert len(network.contexts("mola")) == 4
        assert network.contexts("light-sae") == []

    @pytest.mark.parametrize("n_steps", [1, 2, 3, 4])
    def test_fewer_steps_are_the_first_ones(self, n_steps: int) -> None:
        network = make({"hn-mvts": {}, "mola": {"n_segments": 2}}, **EVERY_KIND)
        network.eval()
        randomise(network)
        window, inputs = x(), covariates()
        part = network(window, **inputs, n_steps=n_steps)
        assert part.shape[1] == (2 if n_steps < 3 else 4)
        whole = network(window, **inputs)
        torch.testing.assert_close(part, whole[:, : part.shape[1]], rtol=0, atol=1e-10)

    def test_channel_offsets_shift_every_output(self) -> None:
        network = make({"mola": {"n_segments": 2}}, channel_offsets=True)
        window = x()
        before = network(window)
        with torch.no_grad():
            network.channel_offsets.offsets.normal_()
        offsets = network.channel_offsets.offsets.transpose(0, 1)
        torch.testing.assert_close(network(window), before + offsets)
        shared = network(window, shared=True)
        assert shared.shape == (B, 2, C, 1)
        torch.testing.assert_close(shared, (before + offsets)[:, :2])

    def test_the_random_state_goes_on_as_after_the_plain_network(self) -> None:
        drawn = []
        for parts in ({}, {"hn-mvts": {"hyper_hidden": [3]}, "light-sae": {}}):
            torch.manual_seed(0)
            make(parts, backbone="rmlp")
            drawn.append(torch.rand(()))
        assert drawn[0] == drawn[1]

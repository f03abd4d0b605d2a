"""MoLA against plain networks whose weights are summed by hand."""

import re
from typing import Any

import pytest
import torch
from torch import Tensor

from hyperforecast.nn import BACKBONES, ForecastingNetwork, HyperLinear, count_parameters
from hyperforecast.nn.backbones import backbone_options, takes_covariates

L, H, C = 24, 10, 3
each_backbone = pytest.mark.parametrize("backbone", BACKBONES)


def make(
    backbone: str = "rmlp", horizon: int = H, part: str | None = "mola", **kwargs: Any
) -> ForecastingNetwork:
    network = kwargs.pop("network", {})
    small = {"d_model": 8, "d_ff": 12, "dropout": 0.0}
    return (
        ForecastingNetwork(
            lookback=L,
            horizon=horizon,
            n_channels=C,
            parts={} if part is None else {part: kwargs},
            backbone=backbone,
            backbone_kwargs={
                k: v for k, v in small.items() if k in backbone_options(BACKBONES[backbone])
            },
            **network,
        )
        .double()
        .eval()
    )


def trained(network: ForecastingNetwork) -> ForecastingNetwork:
    """Move every expert and share away from its start."""
    with torch.no_grad():
        for parameter in network.adapters().values():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return network


def window(batch: int = 4) -> Tensor:
    return torch.randn(batch, L, C, dtype=torch.float64).cumsum(dim=1)


def plain_of_segment(network: ForecastingNetwork, s: int, **options: Any) -> ForecastingNetwork:
    """A plain network for one segment, with the sum of shared weight and LoRA of each layer."""
    assert network.segments is not None
    backbone = next(n for n, cls in BACKBONES.items() if type(network.backbone) is cls)
    plain = make(backbone, network.segments.length, None, network=options)
    state = {k: v for k, v in network.state_dict().items() if k in plain.state_dict()}
    for name, layer in network.named_modules():
        if isinstance(layer, HyperLinear):
            term = layer.terms["mola"]
            shares, experts = term.context(), term.generator
            lora = torch.zeros_like(layer.weight)
            for p in range(len(experts.up)):
                lora += shares[s, p] * experts.up[p] @ experts.down[p]
            state[f"{name}.weight"] = layer.weight + experts.scaling * lora
    plain.load_state_dict(state)
    return plain


def forecast_naively(network: ForecastingNetwork, x: Tensor, *covariates: Tensor, **options: Any):
    assert network.segments is not None
    parts = []
    with torch.no_grad():
        for s in range(network.segments.count):
            first = s * network.segments.length
            given = list(covariates)
            if len(given) > 1:  # those of the segment's own steps, the last going on
                steps = torch.arange(first, first + network.segments.length).clamp(max=H - 1)
                given[1] = given[1][:, steps]
            parts.append(plain_of_segment(network, s, **options)(x, *given))
    return torch.cat(parts, dim=1)[:, :H]


class TestLimits:
    @each_backbone
    def test_without_experts_every_segment_is_the_base(self, backbone: str) -> None:
        network = make(backbone, n_segments=5)
        x = window()
        base = make(backbone, 2, None)
        base.load_state_dict(
            {k: v for k, v in network.state_dict().items() if k in base.state_dict()}
        )
        with torch.no_grad():
            expected = base(x).repeat(1, 5, 1, 1)
            torch.testing.assert_close(network(x), expected, rtol=0, atol=1e-12)
            assert torch.equal(network(x, shared=True), base(x))

    @each_backbone
    @pytest.mark.parametrize(
        "options",
        [
            {"n_segments": H, "n_experts": 2},  # step by step
            {"n_segments": 5, "n_experts": 1, "rank": 2},  # one LoRA for all
            {"n_segments": 4, "n_experts": 3, "scaling": 0.7},  # 3, 3, 3 and 1 steps
            {"segment_length": 4, "n_experts": 3, "mixing": "free"},
            {"n_segments": 1},
        ],
    )
    def test_equals_plain_networks_of_summed_weights(self, backbone: str, options: dict) -> None:
        network = trained(make(backbone, **options))
        x = window()
        with torch.no_grad():
            found = network(x)
        torch.testing.assert_close(found, forecast_naively(network, x), rtol=0, atol=1e-10)

    def test_one_hot_shares_are_one_lora_for_each_segment(self) -> None:
        network = trained(make("rmlp", n_segments=5, n_experts=5, mixing="free"))
        layers = [m for m in network.modules() if isinstance(m, HyperLinear)]
        assert len(layers) == 4
        with torch.no_grad():
            for layer in layers:
                layer.terms["mola"].context.weight.copy_(torch.eye(5))
        for layer in layers:
            weight, _ = layer.generate()
            for s in range(5):
                experts = layer.terms["mola"].generator
                alone = layer.weight + experts.up[s] @ experts.down[s]
                torch.testing.assert_close(weight[s], alone, rtol=0, atol=1e-12)
        x = window()
        with torch.no_grad():
            torch.testing.assert_close(network(x), forecast_naively(network, x), rtol=0, atol=1e-10)

    @pytest.mark.parametrize("backbone", [one for one in BACKBONES if not takes_covariates(one)])
    def test_covariates(self, backbone: str) -> None:
        options: dict[str, Any] = {
            "n_past_covariates": 2,
            "n_future_covariates": 1,
            "n_static_covariates": 2,
            "output_roles": ("location", "scale"),
            "instance_norm": "revin-affine",
        }
        network = trained(make(backbone, n_segments=4, n_experts=2, network=options))
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                if "covariate" in name:
                    parameter.add_(0.3 * torch.randn_like(parameter))
        x = window()
        covariates = [
            torch.randn(4, L, 2).double(),
            torch.randn(4, H, 1).double(),
            torch.randn(4, C, 2).double(),
        ]
        with torch.no_grad():
            found = network(x, *covariates)
        # every channel has a response of its own where the network has parts
        options["individual_covariates"] = True
        expected = forecast_naively(network, x, *covariates, **options)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)

    def test_itransformer_shows_every_segment_all_covariates(self) -> None:
        network = trained(
            make(
                "itransformer",
                n_segments=5,
                network={"n_past_covariates": 1, "n_future_covariates": 1},
            )
        )
        x, past = window(), torch.randn(4, L, 1).double()
        ahead = torch.zeros(4, H, 1).double()
        changed = ahead.clone()
        changed[:, -1] = 1
        with torch.no_grad():
            difference = (network(x, past, changed) - network(x, past, ahead)).abs()
        assert (difference.amax(dim=(0, 2, 3)) > 1e-6).all()

    def test_factors(self) -> None:
        options = {"n_factors": 2, "factor_lookback": 4}
        network = trained(make("dlinear", n_segments=5, network=options))
        network.start_from([torch.randn(50, C)])
        x = window()
        with torch.no_grad():
            expected = forecast_naively(network, x, **options)
            torch.testing.assert_close(network(x), expected, rtol=0, atol=1e-10)


class TestLayers:
    def test_by_name(self) -> None:
        network = make("rmlp", adapted_layers=["head", "backbone.mlp.*"])
        adapted = [n for n, m in network.named_modules() if isinstance(m, HyperLinear)]
        assert adapted == ["backbone.mlp.0", "backbone.mlp.3", "head"]

    @pytest.mark.parametrize("layers", [["backbone.embedding"], ["past_covariate_map"]])
    def test_some_layers_of_itransformer(self, layers: list[str]) -> None:
        # what is adapted late, or beside the rest, meets what is shared by all segments
        options = {"n_past_covariates": 2, "n_future_covariates": 1}
        backbone = "itransformer" if layers == ["backbone.embedding"] else "rlinear"
        network = trained(make(backbone, n_segments=5, adapted_layers=layers, network=options))
        covariates = torch.randn(4, L, 2).double(), torch.randn(4, H, 1).double()
        with torch.no_grad():
            y = network(window(), *covariates)
        assert y.shape == (4, H, C, 1)

    def test_a_name_that_no_layer_has(self) -> None:
        with pytest.raises(ValueError, match=re.escape("'hed', and no layer has such a name")):
            make("rlinear", adapted_layers=["backbone.*", "hed"])

    def test_parameters_by_hand(self) -> None:
        network = make("rlinear", n_segments=5, n_experts=3, rank=2)
        plain = make("rlinear", 2, None)
        experts = 3 * 2 * (L + 8) + 3 * 2 * (8 + 2)
        shares = 2 * 5 * 3
        assert count_parameters(network) == count_parameters(plain) + experts + shares
        assert sum(p.numel() for p in network.adapters().values()) == experts + shares

    def test_same_seed_same_base(self) -> None:
        torch.manual_seed(3)
        plain = make("patchtst", 2, None).state_dict()
        torch.manual_seed(3)
        network = make("patchtst", n_segments=5).state_dict()
        assert all(torch.equal(values, network[name]) for name, values in plain.items())

    @each_backbone
    def test_a_shorter_forecast_computes_its_segments(self, backbone: str) -> None:
        network = trained(make(backbone, n_segments=5))
        x = window()
        passed = []
        network.head.register_forward_hook(lambda *given: passed.append(len(given[2])))
        with torch.no_grad():
            whole = network(x)
            part = network(x, n_steps=3)
        assert passed == [5, 2]
        torch.testing.assert_close(part, whole[:, :4], rtol=0, atol=1e-12)

    def test_the_pass_that_all_segments_share_knows_no_experts(self) -> None:
        network = trained(make("rmlp", n_segments=5))
        base = make("rmlp", 2, None)
        base.load_state_dict({name: network.state_dict()[name] for name in base.state_dict()})
        x = window()
        with torch.no_grad():
            assert torch.equal(network(x, shared=True), base(x))
            assert not torch.allclose(network(x)[:, :2], base(x))

    @pytest.mark.parametrize("train_head", [True, False])
    def test_what_is_trained_on_a_base_held_still(self, train_head: bool) -> None:
        network = make("rmlp", n_segments=5, train_head=train_head)
        beside = network.trained_with_adapters() - set(network.adapters())
        assert beside == ({"head.weight", "head.bias"} if train_head else set())
        assert all(".terms.mola." in name for name in network.adapters())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rank": 0}, "rank must be a whole number >= 1; got 0."),
        ({"n_experts": 0}, "n_experts must be a whole number >= 1; got 0."),
        ({"scaling": 0.0}, "scaling must be a finite number > 0; got 0.0."),
        ({"mixing": "soft"}, "Unknown mixing 'soft'. Did you mean 'softmax'?"),
        ({"adapted_layers": "head"}, "adapted_layers must be a sequence of strings; got 'head'."),
        ({"adapted_layers": []}, "adapted_layers must be a list of names of layers"),
        ({"n_segments": 11}, "n_segments must be at most the horizon, 10 steps; got 11."),
    ],
)
def test_errors(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        make(**options)


class TestChannelExperts:
    """Experts that channels mix by their vectors, beside those of segments."""

    @pytest.mark.parametrize("backbone", ["rlinear", "rmlp"])
    def test_forecasts_are_those_of_plain_networks_of_each_channel(self, backbone: str) -> None:
        network, x = trained(make(backbone, channel_experts=2, rank=2)), window()
        (vectors,) = (one for one in network.contexts("mola") if one.axis == "channel")
        found = network(x)
        for n in range(C):
            alone = make(backbone, rank=2)  # with what the channel's vector mixes in its base
            state = {k: v for k, v in network.state_dict().items() if k in alone.state_dict()}
            for name, layer in network.named_modules():
                if isinstance(layer, HyperLinear):
                    experts = layer.terms["mola:channel"].generator
                    own = sum(
                        vectors.weight[n, q] * experts.up[q] @ experts.down[q] for q in range(2)
                    )
                    state[f"{name}.weight"] = layer.weight + own
            alone.load_state_dict(state)
            torch.testing.assert_close(alone(x)[:, :, n], found[:, :, n])

    def test_without_a_vector_they_are_those_of_all(self) -> None:
        network, x = trained(make(channel_experts=3)), window()
        plain = make()
        plain.load_state_dict({k: network.state_dict()[k] for k in plain.state_dict()})
        assert not torch.allclose(network(x), plain(x))
        with torch.no_grad():
            for context in network.contexts("mola"):
                if context.axis == "channel":
                    context.weight.zero_()
        torch.testing.assert_close(network.train().eval()(x), plain(x))

    def test_the_first_stage_does_not_see_them(self) -> None:
        network, x = make(channel_experts=2).train(), window()
        before = network(x, shared=True)
        trained(network)
        torch.testing.assert_close(network(x, shared=True), before)

    def test_folded_they_are_plain_layers(self) -> None:
        network, x = trained(make("rlinear", channel_experts=2)), window()
        torch.testing.assert_close(network.fold()(x), network(x))

    @pytest.mark.parametrize(
        ("backbone", "options", "words"),
        [
            ("rlinear", {"channel_experts": 4}, "channel_experts=4 are mixed by vectors of 3"),
            (
                "tsmixer",
                {"channel_experts": 2, "adapted_layers": ["*feature_mixing*"]},
                "channel_experts=2 would have no effect",
            ),
        ],
    )
    def test_what_they_cannot_be_is_told(self, backbone: str, options: Any, words: str) -> None:
        with pytest.raises(ValueError, match=words):
            make(backbone, **options)

    def test_series_never_seen_have_what_their_attributes_say(self) -> None:
        series = {"weights_by": "series", "n_series": 5, "n_attributes": 2}
        network = make("rlinear", channel_experts=2, network=series)
        (vectors,) = (one for one in network.contexts("mola") if one.axis == "channel")
        assert vectors.from_attributes.weight.shape == (2, 2)
        assert network.parts["mola"].takes_attributes()
        assert not make("rlinear").parts["mola"].takes_attributes()

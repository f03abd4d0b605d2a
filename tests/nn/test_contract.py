"""What holds for every part, and every two parts, on every backbone.

New ones are found in the registries.
"""

import copy
import inspect
import itertools
import re
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from hyperforecast.nn import (
    BACKBONES,
    PARTS,
    CausalConv,
    ForecastingNetwork,
    Recurrent,
    StaticLayer,
    count_parameters,
)
from hyperforecast.nn.backbones import backbone_options, takes_covariates
from hyperforecast.nn.layers.attention import SelfAttention
from hyperforecast.nn.parts import part_options

L, H, C = 16, 4, 5
Parts = dict[str, dict[str, Any]]

# every part as it is, and with options that change what it is
VARIANTS: dict[str, Parts] = {
    "plain": {},
    **{name: {name: {}} for name in PARTS},
    "hn-mvts-low-rank": {"hn-mvts": {"channel_embedding_dim": 2, "rank": 2}},
    "hyper-kernels-blocks": {"hyper-kernels": {"kernel_width": 8, "hyper_width": 5}},
    "hyper-attention-queries": {"hyper-attention": {"projections": ["*.query"], "rank": 1}},
    "hn-mvts-mlp": {"hn-mvts": {"channel_embedding_dim": 2, "hyper_hidden": [6]}},
    "light-sae-full": {"light-sae": {"variant": "full"}},
    "light-sae-shared": {"light-sae": {"variant": "shared"}},
    "mola-steps": {"mola": {"segment_length": 1, "rank": 2, "mixing": "free"}},
    "mola-one-expert": {"mola": {"n_segments": 2, "n_experts": 1, "train_head": True}},
    "light-sae-penalty": {"light-sae": {"rank": 2, "n_components": 3, "load_balancing": 0.1}},
}
# sizes that keep the tests of pairs fast, where a part has them
SMALL_PARTS: Parts = {
    "hn-mvts": {"channel_embedding_dim": 2},
    "light-sae": {"rank": 2, "n_components": 3},
    "mola": {"n_segments": 2, "n_experts": 2, "rank": 2},
}
PAIRS: dict[str, Parts] = {
    f"{one}+{two}": {name: SMALL_PARTS.get(name, {}) for name in (one, two)}
    for one, two in itertools.combinations(PARTS, 2)
    if PARTS[one].slot != PARTS[two].slot
}
COMBINATIONS = VARIANTS | PAIRS
# sizes that keep the tests fast, where a backbone has them
SMALL = {"d_model": 16, "d_ff": 24, "e_layers": 1, "patch_len": 8, "stride": 4}


@cache
def embeds(backbone: str) -> bool:
    """Say whether a backbone has an embedding of its own."""
    network = ForecastingNetwork(lookback=L, horizon=H, n_channels=C, backbone=backbone)
    return hasattr(network.backbone, "embedding")


def parts_for(backbone: str, variant: str, n_channels: int = C) -> Parts:
    """Fit the parts of a variant to a backbone and a number of channels."""
    parts = copy.deepcopy(COMBINATIONS[variant])
    for name, options in parts.items():
        if "channel_embedding_dim" in options:
            options["channel_embedding_dim"] = min(n_channels, options["channel_embedding_dim"])
        if "embedding_dim" in part_options(PARTS[name]) and not embeds(backbone):
            options["embedding_dim"] = 12
    return parts


def make(
    backbone: str,
    variant: str = "plain",
    *,
    options: dict[str, Any] | None = None,
    n_channels: int = C,
    **kwargs: Any,
) -> ForecastingNetwork:
    small = {k: v for k, v in SMALL.items() if k in backbone_options(BACKBONES[backbone])}
    return ForecastingNetwork(
        **{
            "lookback": L,
            "horizon": H,
            "n_channels": n_channels,
            "parts": parts_for(backbone, variant, n_channels),
            "backbone": backbone,
            "backbone_kwargs": {**small, **(options or {})},
            **kwargs,
        }
    )


def refusals() -> dict[tuple[str, str], str]:
    """Return why which variants cannot be put into which backbones."""
    found = {}
    for backbone, variant in itertools.product(BACKBONES, COMBINATIONS):
        try:
            make(backbone, variant)
        except ValueError as error:
            found[backbone, variant] = str(error)
    return found


REFUSED = refusals()


def networks(*variants: str) -> list[Any]:
    """Return the pairs of backbone and variant that there are.

    Two parts together are tried on a third of their backbones in every run, and on the others in
    slow tests.
    """
    found = []
    for number, variant in enumerate(variants):
        fitting = [one for one in BACKBONES if (one, variant) not in REFUSED]
        step = min(3, len(fitting)) if variant in PAIRS else 1
        for i, backbone in enumerate(fitting):
            marks = [pytest.mark.slow] if (i - number) % step else []
            found.append(pytest.param(backbone, variant, id=f"{backbone}-{variant}", marks=marks))
    return found


each_backbone = pytest.mark.parametrize("backbone", BACKBONES)
each_variant = pytest.mark.parametrize(("backbone", "variant"), networks(*VARIANTS))
each_combination = pytest.mark.parametrize(("backbone", "variant"), networks(*COMBINATIONS))


def window(batch: int = 6, channels: int = C, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(batch, L, channels, dtype=dtype).cumsum(dim=1)


def moved(network: ForecastingNetwork) -> ForecastingNetwork:
    """Move every parameter away from its start, where some parts have no effect."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network


def lacks(backbone: str, slot: str) -> bool:
    """Say whether a backbone has nothing that a part of a slot could concern."""
    plain = make(backbone).backbone
    if slot == "modulation":
        return not any(True for _ in plain.parameters())
    layers = {"attention": SelfAttention, "convolution": CausalConv, "recurrence": Recurrent}
    return slot in layers and not any(isinstance(m, layers[slot]) for m in plain.modules())


def test_parts_are_refused_only_where_there_is_nothing_that_they_concern() -> None:
    for (backbone, variant), message in REFUSED.items():
        slots = {PARTS[name].slot for name in COMBINATIONS[variant]}
        assert any(lacks(backbone, slot) for slot in slots), (backbone, variant, message)


@pytest.mark.parametrize("variant", VARIANTS)
def test_is_made_without_values(variant: str) -> None:
    """As sizes are found out, also those of many more channels than there is memory for."""
    backbone = next(one for one in BACKBONES if (one, variant) not in REFUSED)
    with torch.device("meta"):
        network = make(backbone, variant, n_channels=10_007)
    assert all(one.is_meta for one in network.parameters())


def test_every_two_slots_are_paired() -> None:
    slots = {part.slot for part in PARTS.values()}
    paired = {frozenset(PARTS[name].slot for name in parts) for parts in PAIRS.values()}
    assert paired == {frozenset(pair) for pair in itertools.combinations(slots, 2)}


@each_combination
class TestEveryNetwork:
    def test_shape_and_precision(self, backbone: str, variant: str) -> None:
        for dtype in (torch.float32, torch.float64):
            network = make(backbone, variant, output_roles=("location", "scale")).to(dtype)
            y = network(window(dtype=dtype))
            assert y.shape == (6, H, C, 2)
            assert y.dtype == dtype
            assert torch.isfinite(y).all()

    def test_one_window(self, backbone: str, variant: str) -> None:
        network = moved(make(backbone, variant)).double().eval()
        x = window()
        torch.testing.assert_close(network(x[:1]), network(x)[:1], rtol=0, atol=1e-10)

    def test_windows_of_a_batch_are_independent(self, backbone: str, variant: str) -> None:
        network = moved(make(backbone, variant)).double().eval()
        x = window()
        other = x.clone()
        other[2] += torch.randn(L, C)
        changed = (network(x) - network(other)).abs().amax(dim=(1, 2, 3)) > 1e-9
        assert changed.tolist() == [False, False, True, False, False, False]

    def test_every_parameter_has_a_gradient(self, backbone: str, variant: str) -> None:
        network = moved(
            make(
                backbone,
                variant,
                n_past_covariates=2,
                n_future_covariates=2,
                n_static_covariates=2,
            )
        ).double()
        y = network(
            window(32),
            torch.randn(32, L, 2, dtype=torch.float64),
            torch.randn(32, H, 2, dtype=torch.float64),
            torch.randn(32, C, 2, dtype=torch.float64),
        )
        (y * torch.randn_like(y)).sum().backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert (parameter.grad != 0).any(), name

    def test_gradients_are_the_slopes_of_the_loss(self, backbone: str, variant: str) -> None:
        network = moved(make(backbone, variant)).double().eval()
        x = window()
        target = torch.randn(6, H, C, 1, dtype=torch.float64)

        def loss() -> Tensor:
            return (network(x) - target).square().mean()

        parameters = list(network.parameters())
        gradients = torch.autograd.grad(loss(), parameters)
        torch.manual_seed(1)
        step = 1e-7  # small enough that no ReLU changes its mind on the way
        steps = [torch.randn_like(p) * step for p in parameters]
        with torch.no_grad():
            for parameter, step in zip(parameters, steps, strict=True):
                parameter.add_(step)
            above = loss()
            for parameter, step in zip(parameters, steps, strict=True):
                parameter.sub_(2 * step)
            below = loss()
        expected = sum((g * s).sum() for g, s in zip(gradients, steps, strict=True))
        slope = (above - below) / (2 * step)
        torch.testing.assert_close(slope, expected / step, rtol=1e-4, atol=1e-3)

    def test_state_dict_round_trip(self, backbone: str, variant: str) -> None:
        network, other = (make(backbone, variant).double().eval() for _ in range(2))
        x = window()
        with torch.no_grad():
            assert not torch.equal(network(x), other(x))
            other.load_state_dict(network.state_dict())
            assert torch.equal(network(x), other(x))

    def test_copies_are_equal_and_independent(self, backbone: str, variant: str) -> None:
        network = make(backbone, variant).double().eval()
        x = window()
        with torch.no_grad():
            before = network(x)
            duplicate = copy.deepcopy(network)
            assert torch.equal(duplicate(x), before)
            for parameter in duplicate.parameters():
                parameter.add_(0.1)
            assert not torch.equal(duplicate(x), before)
            assert torch.equal(network(x), before)

    @pytest.mark.parametrize(
        ("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)]
    )
    def test_fold(self, backbone: str, variant: str, dtype: torch.dtype, tolerance: float) -> None:
        network = moved(make(backbone, variant)).to(dtype).eval()
        if not network.folds:
            with pytest.raises(ValueError, match="depends on the window that is forecast from"):
                network.fold()
            return
        folded = network.fold()
        assert not any(isinstance(module, StaticLayer) for module in folded.modules())
        x = window(dtype=dtype)
        x = x / x.std()
        with torch.no_grad():
            torch.testing.assert_close(folded(x), network(x), rtol=0, atol=tolerance)

    def test_forward_keeps_no_state(self, backbone: str, variant: str) -> None:
        network = moved(make(backbone, variant)).double().eval()
        x = window()
        with torch.no_grad():
            first = network(x)
            network(100 * window(3))
            assert torch.equal(network(x), first)

    def test_export(self, backbone: str, variant: str) -> None:
        network = make(backbone, variant).eval()
        x = window(dtype=torch.float32)
        exported = torch.export.export(network, (x,)).module()
        torch.testing.assert_close(exported(x), network(x), rtol=1e-4, atol=1e-4)

    def test_same_seed_same_start(self, backbone: str, variant: str) -> None:
        states = []
        for _ in range(2):
            torch.manual_seed(7)
            states.append(make(backbone, variant).state_dict())
        assert all(torch.equal(a, b) for a, b in zip(*(s.values() for s in states), strict=True))

    def test_the_plain_network_s_parameters_keep_their_names_and_start(
        self, backbone: str, variant: str
    ) -> None:
        covariates = {"n_past_covariates": 2, "n_future_covariates": 2, "n_static_covariates": 2}
        torch.manual_seed(7)
        network = make(backbone, variant)
        if network.segments is None or not takes_covariates(backbone):  # these see all the horizon
            torch.manual_seed(7)
            network = make(backbone, variant, **covariates)
        else:
            covariates = {}
        # a part may put a layer before the backbone: the plain network has it too
        before = {
            name: {"embedding_dim": part.embeds_into, "variant": "shared"}
            for name, part in network.parts.items()
            if part.embeds_into is not None
        }
        horizon = H if network.segments is None else network.segments.length
        # beside a part that concerns the head all channels share a base response to covariates
        shared = {"individual_covariates": False} if before and covariates else {}
        torch.manual_seed(7)
        plain = make(backbone, parts=before, horizon=horizon, **covariates, **shared)
        state = network.state_dict()
        for name, values in plain.state_dict().items():
            if any(part.generates(name) for part in network.parts.values()):
                assert name not in state
                continue
            found = state[name]  # of each channel, where they have weights of their own
            assert torch.equal(found, values.expand_as(found)), name
        added = state.keys() - plain.state_dict().keys()
        assert all(".terms." in name for name in added), added


@each_variant
class TestEveryPart:
    def test_one_channel(self, backbone: str, variant: str) -> None:
        network = make(backbone, variant, n_channels=1).double()
        assert network(window(channels=1)).shape == (6, H, 1, 1)

    def test_a_constant_window_gives_finite_forecasts_and_gradients(
        self, backbone: str, variant: str
    ) -> None:
        network = make(backbone, variant)
        y = network(torch.full((6, L, C), 3.0))
        y.square().mean().backward()
        assert torch.isfinite(y).all()
        for name, parameter in network.named_parameters():
            assert parameter.grad is None or torch.isfinite(parameter.grad).all(), name

    def test_can_learn(self, backbone: str, variant: str) -> None:
        network = make(backbone, variant).train()
        torch.manual_seed(0)
        x = window(8, dtype=torch.float32)
        target = x[:, -H:].flip(1).unsqueeze(-1)
        optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
        losses = []
        for _ in range(60):
            optimizer.zero_grad()
            loss = (network(x) - target).square().mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < 0.5 * losses[0]


def alternatives(default: Any) -> list[Any]:
    """Values to try in the place of an option's default, the nearest first."""
    if isinstance(default, bool):
        return [not default]
    if isinstance(default, int):
        return [v for v in (default // 2, default + 2, 2 * default, default + 1, 1) if v != default]
    if isinstance(default, float):
        return [0.5 if default != 0.5 else 0.25]
    if isinstance(default, (list, tuple)):
        return [type(default)(2 * v for v in default), type(default)(v + 2 for v in default)]
    return [4, 8, 2, 0.5, True, [5], [5, 3]]


def words(part: str) -> list[Any]:
    """Values that the documentation of a part names for its options."""
    found = re.findall(r'"([\w.*]+)"', inspect.getdoc(PARTS[part]) or "")
    return [*found, *([one] for one in found)]


ALL_PART_OPTIONS = [(name, option) for name, part in PARTS.items() for option in part_options(part)]


@pytest.mark.parametrize(("part", "option"), ALL_PART_OPTIONS)
def test_every_option_of_a_part_has_an_effect(part: str, option: str) -> None:
    backbones = [name for name in BACKBONES if (name, part) not in REFUSED]

    def outcome(backbone: str, options: dict[str, Any]) -> tuple:
        torch.manual_seed(0)
        network = make(backbone, parts={part: {**parts_for(backbone, part)[part], **options}})
        torch.manual_seed(1)
        network = moved(network).double().eval()
        network.start_from([torch.randn(50, C, dtype=torch.float64)])
        penalty = network.penalty()
        trained = sorted(network.trained_with_adapters())
        return count_parameters(network), trained, penalty is None, network(window(4)).tolist()

    default = part_options(PARTS[part])[option]
    refused = []
    for backbone in backbones:
        plain = outcome(backbone, {})
        for other in itertools.chain(alternatives(default), alternatives(None), words(part)):
            try:
                if outcome(backbone, {option: other}) != plain:
                    return
            except (ValueError, TypeError) as error:
                refused.append(f"{other!r}: {error}")
    pytest.fail(f"no other value of {option!r} had an effect; refused: {refused}")


@pytest.mark.parametrize("part", PARTS)
def test_unknown_options_of_a_part_are_refused_by_name(part: str) -> None:
    with pytest.raises(ValueError, match=f"The part {part!r} has no option 'widht'"):
        make("patchtst", parts={part: {"widht": 3}})


@pytest.mark.parametrize("part", PARTS)
def test_options_of_a_part_have_defaults(part: str) -> None:
    assert inspect.Parameter.empty not in part_options(PARTS[part]).values()


ALL_OPTIONS = [
    (name, option) for name, backbone in BACKBONES.items() for option in backbone_options(backbone)
]


@pytest.mark.parametrize(("backbone", "option"), ALL_OPTIONS)
def test_every_option_of_a_backbone_has_an_effect(backbone: str, option: str) -> None:
    default = inspect.signature(BACKBONES[backbone]).parameters[option].default
    if default is inspect.Parameter.empty:
        pytest.fail(f"the option {option!r} of {backbone!r} has no default")
    value = SMALL.get(option, default)

    def outcome(options: dict[str, Any]) -> tuple:
        torch.manual_seed(0)
        network = make(backbone, options=options).double().train()
        torch.manual_seed(1)
        x = window(8)
        y = network(x)
        gradients = torch.autograd.grad(y.square().mean(), list(network.parameters()))
        return count_parameters(network), y, gradients

    plain = outcome({})
    refused = []
    named = re.findall(r'"([\w.*]+)"', inspect.getdoc(BACKBONES[backbone]) or "")
    for other in itertools.chain(alternatives(value), alternatives(None), named):
        try:
            changed = outcome({option: other})
        except (ValueError, TypeError) as error:
            refused.append(f"{other!r}: {error}")
            continue
        if (
            changed[0] != plain[0]
            or not torch.equal(changed[1], plain[1])
            or any(not torch.equal(a, b) for a, b in zip(changed[2], plain[2], strict=True))
        ):
            return
    pytest.fail(f"no other value of {option!r} had an effect; refused: {refused}")


@each_backbone
def test_unknown_options_are_refused_by_name(backbone: str) -> None:
    with pytest.raises(ValueError, match=f"The backbone {backbone!r} has no option 'widht'"):
        make(backbone, options={"widht": 3})


@each_backbone
def test_backbone_says_where_it_comes_from(backbone: str) -> None:
    assert "arXiv" in (inspect.getdoc(BACKBONES[backbone]) or "") or "ICLR" in (
        inspect.getdoc(BACKBONES[backbone]) or ""
    )


@each_backbone
@pytest.mark.parametrize("variant", ["plain", "hn-mvts"])
def test_learns_a_target_that_is_a_future_covariate(backbone: str, variant: str) -> None:
    torch.manual_seed(0)
    network = make(
        backbone,
        variant,
        n_channels=1,
        instance_norm="none",
        n_past_covariates=1,
        n_future_covariates=1,
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(300):
        covariate = torch.randn(64, L + H, 1)  # tells the future, the window tells nothing
        known, ahead = covariate[:, :L], covariate[:, L:]
        loss = (network(known, known, ahead).squeeze(-1) - ahead).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.3  # it is 1, the target's variance, at best without the covariate

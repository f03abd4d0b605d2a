"""Weights of every network of a family, against plain networks that have them loaded."""

import copy
import re
from typing import Any

import pytest
import torch

from hyperforecast.nn import ForecastingNetwork, count_parameters
from hyperforecast.nn.one_shot import ArchitectureFamily

B, L, H, C = 5, 24, 4, 3

CASES: dict[str, tuple[dict[str, Any], dict[str, list]]] = {
    "tsmixer": ({"backbone": "tsmixer"}, {"e_layers": [1, 3], "d_ff": [2, 5]}),
    "moderntcn": (
        {"backbone": "moderntcn"},
        {"d_model": [2, 4], "e_layers": [1, 2], "patch_len": [4, 8]},
    ),
    "tcn": ({"backbone": "tcn"}, {"d_model": [3, 6], "kernel_size": [2, 3], "e_layers": [1, 2]}),
    "hyper-tcn": (
        {"backbone": "tcn", "parts": {"hyper-kernels": {"kernel_width": 2}}},
        {"d_model": [2, 6], "e_layers": [1, 2]},
    ),
}


def arguments_of(case: str) -> dict[str, Any]:
    return {"lookback": L, "horizon": H, "n_channels": C, **CASES[case][0]}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def family(case: str) -> ArchitectureFamily:
    return ArchitectureFamily(arguments_of(case), CASES[case][1]).double()


@pytest.fixture
def shared(case: str) -> ForecastingNetwork:
    return ForecastingNetwork(**arguments_of(case)).double()


def test_every_network_forecasts_as_a_plain_one_with_its_weights(
    case: str, family: ArchitectureFamily, shared: ForecastingNetwork
) -> None:
    x = torch.randn(B, L, C, dtype=torch.float64)
    family.eval()
    for number in range(len(family)):
        options = family.space.options(number)
        plain = ForecastingNetwork(**{**arguments_of(case), "backbone_kwargs": options}).double()
        weights = family.weights(number)
        assert plain.load_state_dict(weights, strict=False).unexpected_keys == []
        loaded = {id(value) for name, value in plain.named_parameters() if name in weights}
        assert loaded == {id(value) for value in plain.parameters()}
        assert count_parameters(plain) == family.n_parameters[number]
        with torch.no_grad():
            expected = plain.eval()(x)
            assert expected.shape == (B, H, C, 1)
            torch.testing.assert_close(family(number, shared, x), expected)
            torch.testing.assert_close(family.network(number, shared)(x), expected)


def test_every_table_is_trained(family: ArchitectureFamily, shared: ForecastingNetwork) -> None:
    x = torch.randn(B, L, C, dtype=torch.float64)
    for number in range(len(family)):
        family(number, shared, x).square().sum().backward()
    without = [name for name, one in family.named_parameters() if one.grad is None]
    assert without == []
    bases = {n: one for n, one in family.named_parameters() if n.endswith("weight_bases")}
    assert bases
    assert [name for name, one in bases.items() if not one.grad.any()] == []


def test_a_pass_of_one_network_leaves_the_others_as_they_are(
    family: ArchitectureFamily, shared: ForecastingNetwork
) -> None:
    x = torch.randn(B, L, C, dtype=torch.float64)
    before = copy.deepcopy(family.network(1, shared).state_dict())
    family(0, shared, x).sum().backward()
    after = family.network(1, shared).state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


@pytest.mark.parametrize(
    ("case", "option", "values"),
    [
        ("tsmixer", "d_ff", [2, 5]),
        ("moderntcn", "d_model", [2, 4]),
        ("moderntcn", "large_size", [5, 9]),
        ("moderntcn", "ffn_ratio", [1, 2]),
        ("tcn", "d_model", [3, 6]),
        ("tcn", "kernel_size", [2, 3]),
        ("hyper-tcn", "kernel_size", [2, 3]),
    ],
)
def test_a_larger_network_without_what_a_smaller_one_lacks_forecasts_the_same(
    case: str, option: str, values: list[int], shared: ForecastingNetwork
) -> None:
    common = {"e_layers": 2} if case == "tsmixer" else {"e_layers": 2, "d_model": 4}
    common.pop(option, None)
    arguments = {**arguments_of(case), "backbone_kwargs": common}
    family = ArchitectureFamily(arguments, {option: values}, hidden=None).double().eval()
    of_one_level(family)
    with torch.no_grad():
        for slot in family._slots[0].values():
            table = family.tables[slot.kind.replace(".", "/")].base[slot.place]
            there = torch.zeros_like(table)
            there[slot.layout.within(table.shape)] = 1.0
            table.mul_(there)
        x = torch.randn(B, L, C, dtype=torch.float64)
        torch.testing.assert_close(family(1, shared, x), family(0, shared, x))


def of_one_level(family: ArchitectureFamily) -> None:
    """Leave the scales out."""
    family._levels = dict.fromkeys(family._levels, 1.0)
    for slots in family._slots:
        slots.update({name: slot._replace(level=1.0) for name, slot in slots.items()})


def test_blocks_of_generated_kernels_are_those_of_the_wider_layers(
    shared: ForecastingNetwork,
) -> None:
    family = ArchitectureFamily(arguments_of("hyper-tcn"), {"d_model": [4, 6]}, hidden=None)
    of_one_level(family)
    narrow, wide = (family.network(number, shared) for number in range(2))
    for block in range(2):
        for layer in ("first", "second"):
            name = f"backbone.blocks.{block}.{layer}"
            kernel, _ = narrow.get_submodule(name).generate()
            wider, _ = wide.get_submodule(name).generate()
            torch.testing.assert_close(kernel, wider[:4, :4])


def test_smaller_networks_have_entries_of_the_larger_ones_weights() -> None:
    family = ArchitectureFamily(arguments_of("tsmixer"), {"d_ff": [2, 5]})
    with torch.no_grad():  # all networks have the base
        for table in family.tables.values():
            if table.term is not None:
                table.term.generator.weight_bases.zero_()
    name = "backbone.blocks.1.feature_mixing.0.weight"
    small, large = (family.weights(number)[name].detach() for number in range(2))
    ratio = small / large[:2]
    torch.testing.assert_close(ratio, torch.full_like(ratio, float(ratio[0, 0])))
    bias = "backbone.blocks.1.feature_mixing.0.bias"
    assert torch.equal(family.weights(0)[bias], family.weights(1)[bias][:2])


def test_weights_start_with_the_deviation_of_ordinary_ones() -> None:
    arguments = {**arguments_of("tsmixer"), "lookback": 60, "n_channels": 40}
    family = ArchitectureFamily(arguments, {"d_ff": [20, 320]})
    for number in range(2):
        options = family.space.options(number)
        plain = ForecastingNetwork(**{**arguments, "backbone_kwargs": options})
        for name, own in plain.named_parameters():
            if own.dim() > 1:
                found = family.weights(number)[name]
                assert 0.8 < float(found.detach().std() / own.detach().std()) < 1.25, name


def test_norms_and_biases_start_as_ordinary_ones() -> None:
    family = ArchitectureFamily(arguments_of("tsmixer"), CASES["tsmixer"][1])
    weights = family.weights(0)
    assert torch.equal(weights["backbone.blocks.0.time_norm.norm.weight"], torch.ones(C * L))
    assert not weights["backbone.blocks.0.time_norm.norm.bias"].any()


@pytest.mark.parametrize("case", ["tsmixer"])
def test_running_statistics_are_means_over_the_passes(
    case: str, family: ArchitectureFamily, shared: ForecastingNetwork
) -> None:
    batches = [torch.randn(B, L, C, dtype=torch.float64) for _ in range(3)]
    passes = [lambda network, x=x: network(x) for x in batches]
    network = family.network(3, shared, passes)
    seen = [network.normalise(x)[0].flatten(1) for x in batches]  # by the first norm
    norm = network.backbone.blocks[0].time_norm.norm
    torch.testing.assert_close(norm.running_mean, torch.stack([x.mean(0) for x in seen]).mean(0))
    torch.testing.assert_close(norm.running_var, torch.stack([x.var(0) for x in seen]).mean(0))
    assert norm.momentum == 0.1
    assert not any(module.training for module in network.modules())


def test_what_does_not_depend_on_the_architecture_is_the_shared_networks() -> None:
    arguments = {**arguments_of("tsmixer"), "n_future_covariates": 2, "instance_norm": "last"}
    family = ArchitectureFamily(arguments, {"d_ff": [2, 5]}).eval()
    shared = ForecastingNetwork(**arguments).eval()
    x, ahead = torch.randn(B, L, C), torch.randn(B, H, 2)
    with torch.no_grad():
        before = family(0, shared, x, future_covariates=ahead)
        shared.future_covariate_map.weight.fill_(1.0)
        added = family(0, shared, x, future_covariates=ahead) - before
    expected = ahead.sum(dim=2)[:, :, None, None].expand(B, H, C, 1)
    torch.testing.assert_close(added, expected, atol=1e-5, rtol=0)
    family(0, shared, x, future_covariates=ahead).sum().backward()
    assert shared.future_covariate_map.weight.grad is not None


def test_an_architecture_that_cannot_be_made_is_named() -> None:
    message = "an architecture that cannot be made, {'large_size': 6}: large_size must be an odd"
    with pytest.raises(ValueError, match=re.escape(message)):
        ArchitectureFamily(arguments_of("moderntcn"), {"large_size": [5, 6]})

"""A solved head against gradients, least squares written out, and the exact solver."""

import copy
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from hyperforecast.nn import BACKBONES, ForecastingNetwork
from hyperforecast.nn.exact import (
    Combination,
    ExactOptions,
    ObservedSeries,
    Problem,
    Setting,
    solve_exact,
)
from hyperforecast.nn.solved_head import HeadOptions, solve_head
from hyperforecast.nn.solved_head.output_layers import OutputLayers
from tests.nn.solved_head.made import (
    SIZES,
    C,
    H,
    L,
    arguments,
    deviation_of,
    loss_of,
    network_of,
    observed,
    windows_of,
)

Parts = dict[str, dict[str, Any]]

# parts, and whether what generates the head is solved for with it
COMPOSITIONS: dict[str, tuple[str, Parts, bool]] = {
    "individual": ("rmlp", {"individual": {}}, True),
    "hn-mvts": ("rmlp", {"hn-mvts": {"channel_embedding_dim": 2}}, True),
    "hn-mvts-chosen": ("patchtst", {"hn-mvts": {}}, True),
    "hn-mvts-low-rank": ("rmlp", {"hn-mvts": {"channel_embedding_dim": 2, "rank": 1}}, False),
    "hn-mvts-mlp": ("rmlp", {"hn-mvts": {"channel_embedding_dim": 2, "hyper_hidden": [3]}}, False),
    "dynamic": ("rmlp", {"dynamic": {}}, False),
    "light-sae": ("rmlp", {"light-sae": {"rank": 2, "n_components": 2}}, True),
    "film": ("rmlp", {"film": {}}, True),
    "mola": ("rmlp", {"mola": {"n_segments": 2}}, False),
    "mola-head": ("rmlp", {"mola": {"n_segments": 2, "adapted_layers": ["head"]}}, False),
    "mola-hn-mvts": ("rmlp", {"mola": {"n_segments": 2}, "hn-mvts": {}}, False),
    "hyper-lstm": ("lstm", {"hyper-lstm": {"hyper_size": 3}}, True),
    "hyper-kernels": ("tcn", {"hyper-kernels": {}}, True),
    "hyper-attention": ("patchtst", {"hyper-attention": {}}, True),
}


def solved_for(network: ForecastingNetwork, generated: bool) -> list[Tensor]:
    """The parameters that the head's equations are in."""
    names = ("weight", "bias", *(("weight_bases", "bias_bases") if generated else ()))
    layers = OutputLayers(network).names
    return [
        parameter
        for name, parameter in network.named_parameters()
        if name.partition(".")[0] in layers
        and name.rpartition(".")[2] in names
        and not {"context", "trunk"} & set(name.split("."))
    ]


def gradient(
    network: ForecastingNetwork, series: ObservedSeries, generated: bool
) -> tuple[float, float]:
    """Largest entry of the loss's gradient in what is solved for, and the loss."""
    loss = loss_of(network, series, deviation_of(series))
    parameters = [p for p in solved_for(network, generated) if p.numel()]
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    return max(g.abs().max().item() for g in gradients if g is not None), loss.item()


def check_optimal(given: dict[str, Any], generated: bool, covariates: bool = False) -> None:
    """The loss has no gradient in a solved head, and no more of it than before."""
    series = observed(covariates=covariates)
    network = network_of(given)
    before, error = gradient(copy.deepcopy(network), series, generated)
    solved = solve_head(
        network, given, [series], [observed(seed=1, covariates=covariates)], HeadOptions(ridge=1e-9)
    )
    after, solved_error = gradient(solved.network, series, generated)
    assert after < 1e-5 * before
    assert solved_error < error


@pytest.mark.parametrize("backbone", BACKBONES)
def test_no_gradient_is_left_in_the_head_of_any_backbone(backbone: str) -> None:
    check_optimal(arguments(backbone), generated=True)


@pytest.mark.parametrize("composition", COMPOSITIONS)
def test_no_gradient_is_left_in_the_head_beside_any_part(composition: str) -> None:
    backbone, parts, generated = COMPOSITIONS[composition]
    check_optimal(arguments(backbone, parts), generated)


COVARIATES = {"n_past_covariates": 2, "n_future_covariates": 1, "n_static_covariates": 2}


@pytest.mark.parametrize(
    ("backbone", "parts", "others", "generated"),
    [
        ("rmlp", {}, {"n_factors": 1, "factor_lookback": 3}, True),
        ("rmlp", {"hn-mvts": {"channel_embedding_dim": 1}}, {}, True),
        ("nlinear", {"individual": {}}, {"n_factors": 1}, True),
        ("lstm", {}, {}, True),
        ("rmlp", {"light-sae": {"rank": 2}}, {}, True),
        ("rlinear", {"mola": {"n_segments": 2}}, {}, False),
    ],
)
def test_maps_of_covariates_and_factors_are_solved_with_the_head(
    backbone: str, parts: Parts, others: dict[str, Any], generated: bool
) -> None:
    check_optimal(arguments(backbone, parts, **COVARIATES, **others), generated, covariates=True)


@pytest.mark.parametrize("norm", ["none", "last", "mean", "revin", "revin-affine"])
def test_windows_count_as_the_instance_norm_multiplies_them(norm: str) -> None:
    check_optimal(arguments("rmlp", instance_norm=norm), generated=True)


def test_windows_count_in_the_units_of_a_standardised_network() -> None:
    given = arguments("rmlp", standardised=True, instance_norm="revin")
    series, network = observed(), network_of(given)
    assert network.standardiser is not None
    network.standardiser.set_units("target", series.target.mean(0) + 1, 3 * deviation_of(series))
    before, _ = gradient(copy.deepcopy(network), series, True)
    solve_head(network, given, [series], [observed(seed=1)], HeadOptions(ridge=1e-9))
    assert gradient(network, series, True)[0] < 1e-5 * before


def features(network: ForecastingNetwork, window: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Features of one channel's window (L,), and the shift and scale of its RevIN."""
    mean, scale = window.mean(), (window.var(correction=0) + 1e-5).sqrt()
    normalised = ((window - mean) / scale)[None, None]
    assert network.features is not None
    return network.features(network.backbone(normalised))[0, 0], mean, scale


def test_a_shared_head_is_ridge_regression_on_the_features_of_every_window() -> None:
    """One window after the other, with explicit penalties as further rows."""
    ridge, given = 0.03, arguments("rmlp")
    series, network = observed(), network_of(given)
    past, target = windows_of(series).past_target, windows_of(series).future_target
    deviation = deviation_of(series)
    rows, right = [], []
    with torch.no_grad():
        weight, bias = network.head.weight.clone(), network.head.bias.clone()
        for b in range(len(past)):
            for n in range(C):
                phi, mean, scale = features(network, past[b, :, n])
                forecast = mean + scale * (weight @ phi + bias)
                rows.append(torch.cat([phi, torch.ones(1)]) * scale / deviation[n])
                right.append((target[b, :, n] - forecast) / deviation[n])
    x, y = torch.stack(rows), torch.stack(right)
    constant = x[:, -1:]
    centred = x[:, :-1] - constant @ (constant.T @ x[:, :-1]) / constant.square().sum()
    unit = centred.square().sum(dim=0).mean()
    penalty = (ridge * unit).sqrt() * torch.eye(x.shape[1])[:-1]
    augmented = torch.cat([x, penalty]), torch.cat([y, torch.zeros(len(penalty), H)])
    change = torch.linalg.lstsq(*augmented).solution.T  # (H, D + 1)
    solve_head(network, given, [series], [observed(seed=1)], HeadOptions(ridge=ridge))
    torch.testing.assert_close(network.head.weight, weight + change[:, :-1])
    torch.testing.assert_close(network.head.bias, bias + change[:, -1])


def test_one_head_each_is_every_channel_solved_alone() -> None:
    together = network_of(arguments("rlinear", {"individual": {}}))
    series, other = observed(), observed(seed=1)
    alone = []
    for n in range(C):
        given = {**arguments("rlinear"), "n_channels": 1}
        network = network_of(given)
        held = together.state_dict().items()  # what stands in gaps is of three channels
        state = {name: v.clone() for name, v in held if not name.startswith("gap_filler.")}
        state["head.weight"], state["head.bias"] = state["head.weight"][n], state["head.bias"][n]
        network.load_state_dict(state, strict=False)
        channel = [ObservedSeries(one.target[:, [n]]) for one in (series, other)]
        solve_head(network, given, channel[:1], channel[1:], HeadOptions(ridge=0.1))
        alone.append(network.head.weight)
    given = arguments("rlinear", {"individual": {}})
    solve_head(together, given, [series], [other], HeadOptions(ridge=0.1))
    torch.testing.assert_close(together.head.weight, torch.stack(alone))


@pytest.mark.parametrize("norm", ["none", "last", "mean", "revin"])
@pytest.mark.parametrize("individual", [False, True])
def test_on_the_window_itself_it_is_the_exact_solver(norm: str, individual: bool) -> None:
    raw = observed().target
    series = ObservedSeries((raw - raw.mean(dim=0)) / raw.std(dim=0, correction=0))
    given = arguments("nlinear", {"individual": {}} if individual else {}, instance_norm=norm)
    network = network_of(given)
    with torch.no_grad():
        network.head.weight.zero_()
        network.head.bias.zero_()
    solve_head(network, given, [series], [observed(seed=1)], HeadOptions(ridge=0.01))
    alone = Combination.alone(Setting(norm, C if individual else 0, individual, 0, ridge=0.01))
    expected = solve_exact(
        Problem(L, H), [series], options=ExactOptions(ridge=0.01), combination=alone
    ).weights.weight
    weight = network.head.weight.view(-1, H, L)
    torch.testing.assert_close(weight, expected[..., :-1])
    torch.testing.assert_close(network.head.bias.view(-1, H), expected[..., -1])


def test_a_strong_ridge_leaves_the_trained_weights() -> None:
    """And a bias of the head, which is not penalised, is what they leave on average."""
    given = arguments("rmlp")
    network = network_of(given)
    before = copy.deepcopy(network.state_dict())
    solve_head(network, given, [observed()], [observed(seed=1)], HeadOptions(ridge=1e15))
    for name, value in network.state_dict().items():
        if name != "head.bias":
            torch.testing.assert_close(value, before[name], rtol=0, atol=1e-12)
    assert gradient(network, observed(), True)[0] > 1e-3
    loss = loss_of(network, observed(), deviation_of(observed()))
    [left] = torch.autograd.grad(loss, [network.head.bias])
    assert left.abs().max() < 1e-10


def test_a_head_that_cannot_gain_stays_as_it_is() -> None:
    """Solved for once without a ridge on the very windows that it is chosen on."""
    given = arguments("rmlp")
    network, series = network_of(given), observed()
    solve_head(network, given, [series], [series], HeadOptions(ridge=1e-10))
    before = copy.deepcopy(network.state_dict())
    solved = solve_head(network, given, [observed(seed=1)], [series])
    assert solved.compared[-1].ridge == math.inf
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize(
    ("backbone", "parts"),
    [("rmlp", {}), ("rlinear", {"hn-mvts": {}}), ("nlinear", {"individual": {}})],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_errors_reported_are_those_of_the_network_before_and_after(
    backbone: str, parts: Parts, seed: int
) -> None:
    given = arguments(backbone, parts)
    series, validation = observed(), observed(seed=seed + 1)
    network = network_of(given, seed)
    deviation = deviation_of(series)
    before = loss_of(network, validation, deviation).item()
    solved = solve_head(network, given, [series], [validation])
    after = loss_of(solved.network, validation, deviation).item()
    assert solved.compared[0].validation_mse == pytest.approx(before)
    assert [row for row in solved.compared if row.chosen][-1].validation_mse == pytest.approx(after)


def test_rows_held_out_are_solved_on_in_the_end() -> None:
    given, series = arguments("rmlp"), observed(200)
    network, other = network_of(given), network_of(given)
    chosen = solve_head(network, given, [series]).compared[-1]
    assert math.isfinite(chosen.ridge)
    solve_head(other, given, [series], [observed(seed=1)], HeadOptions(ridge=chosen.ridge))
    torch.testing.assert_close(network.head.weight, other.head.weight)


def test_too_few_windows_to_choose_by_leave_the_head() -> None:
    given, series = arguments("rmlp"), observed(L + 2 * H)
    network = network_of(given)
    before = network.head.weight.clone()
    assert solve_head(network, given, [series]).compared == []
    assert torch.equal(network.head.weight, before)


@pytest.mark.parametrize("parts", [{}, {"individual": {}}, {"hn-mvts": {}}])
def test_what_does_not_fit_into_memory_is_made_again(parts: Parts) -> None:
    given, series = arguments("rmlp", parts), [observed()]
    validation = [observed(seed=1)]
    solved = [
        solve_head(network_of(given), given, series, validation, HeadOptions(max_memory_gb=bound))
        for bound in (4.0, 1e-9)
    ]
    assert [row.ridge for row in solved[0].compared] == [row.ridge for row in solved[1].compared]
    for one, other in zip(
        solved[0].network.parameters(), solved[1].network.parameters(), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_nothing_before_the_head_changes_where_vectors_get_another_length() -> None:
    given = arguments("rmlp", {"hn-mvts": {"channel_embedding_dim": 1}, "film": {}})
    network = network_of(given)
    solved = solve_head(network, given, [observed()], [observed(seed=1)], requested=None)
    dim = solved.compared[-1].embedding_dim
    assert dim != 1  # these channels want one head, or one each
    assert solved.arguments["parts"]["hn-mvts"] == {"channel_embedding_dim": dim}
    state = solved.network.state_dict()
    for name, value in network.state_dict().items():
        if not name.startswith("head."):
            assert torch.equal(state[name], value), name


def test_the_mode_of_the_network_is_as_it_was_and_dropout_is_off() -> None:
    given = arguments("rmlp")
    given["backbone_kwargs"] = {**SIZES["rmlp"], "dropout": 0.5}
    heads = []
    for training in (False, True):
        network = network_of(given).train(training)
        assert solve_head(network, given, [observed()]).network.training is training
        heads.append(network.head.weight)
    assert torch.equal(*heads)


def test_no_random_number_is_drawn() -> None:
    given = arguments("rmlp", {"hn-mvts": {"channel_embedding_dim": 1}, "film": {}})
    network = network_of(given)
    state = torch.random.get_rng_state()
    solved = solve_head(network, given, [observed()], [observed(seed=1)])
    assert solved.network is not network
    assert torch.equal(torch.random.get_rng_state(), state)


SOLVED_AGAIN = {
    "plain": {},
    "individual": {"individual": {}},
    "none": {"hn-mvts": {"channel_embedding_dim": 0}},
    "generated": {"hn-mvts": {"channel_embedding_dim": 2}},
    "each": {"hn-mvts": {"channel_embedding_dim": C}},
}


@pytest.mark.parametrize("parts", SOLVED_AGAIN.values(), ids=SOLVED_AGAIN)
def test_a_head_is_solved_for_again_in_the_form_that_it_has(parts: Parts) -> None:
    """On all windows: with hardly a ridge there is no gradient left."""
    given, series, ridge = arguments("rmlp", parts), observed(), 1e-9
    network = network_of(given)
    error = gradient(network, series, True)[1]
    solved = solve_head(network, given, [series], selected=ridge)
    assert solved.compared == []
    after, solved_error = gradient(solved.network, series, True)
    assert after < 1e-4
    assert solved_error < error
    assert solved.arguments["parts"] == parts


def test_a_head_that_is_solved_for_again_is_drawn_towards_itself_by_the_ridge() -> None:
    given, series = arguments("rmlp"), observed()
    network, other, still = (network_of(given) for _ in range(3))
    solve_head(network, given, [series], selected=0.3)
    solve_head(other, given, [series], [observed(seed=1)], HeadOptions(ridge=0.3))
    torch.testing.assert_close(network.head.weight, other.head.weight)
    before = copy.deepcopy(still.state_dict())
    solve_head(still, given, [series], selected=math.inf)
    solve_head(still, given, [series], selected=0.3, is_late=lambda: True)
    assert all(torch.equal(value, before[name]) for name, value in still.state_dict().items())


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("parts", [{}, {"hn-mvts": {"channel_embedding_dim": C}}])
def test_quantiles_are_those_of_errors_before_the_last_rows_were_solved_on(
    parts: Parts, late: bool
) -> None:
    quantiles = {"output_roles": ["location"] * 3, "point_head": True, "channel_offsets": True}
    given, series = arguments("rmlp", parts, **quantiles), observed(200)
    network = network_of(given)
    options = {"levels": (0.1, 0.5, 0.9), "is_late": lambda: late}
    before = solve_head(copy.deepcopy(network), given, [series], selected=math.inf, **options)
    after = solve_head(network, given, [series], selected=1e-3, **options)
    offsets = [one.network.channel_offsets.offsets for one in (before, after)]
    assert offsets[0].abs().min() > 0
    torch.testing.assert_close(*offsets, rtol=0, atol=0)
    weights = [one.network.fold().head.weight for one in (before, after)]
    assert torch.equal(*weights) == late

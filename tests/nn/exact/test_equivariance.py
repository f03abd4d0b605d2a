"""Units, levels and the order of channels change forecasts in their own way, and in no other.

Over random settings: instance norms, lengths of the embedding, factors, covariates of every kind,
shifts, series of unequal lengths, and both routes of the equations.
"""

import random
from dataclasses import dataclass, replace

import pytest
import torch
from made_series import autoregressive, noise
from regression_cases import assert_same_weights, stacked_least_squares
from solved_networks import forecasts, network_of, targets
from torch import Tensor

from hyperforecast.nn.exact import (
    LINEAR_NORMS,
    BasisWeights,
    ExactOptions,
    ExactSolution,
    ObservedSeries,
    Problem,
    SearchSpace,
    WindowLayout,
    solve_exact,
)
from hyperforecast.nn.exact.regressions import generated_regression

C, L, H = 3, 5, 2
FACTOR_LOOKBACK = 2


@dataclass(frozen=True)
class Case:
    """A setting and the series that it is solved on, drawn by a seed."""

    seed: int

    @property
    def problem(self) -> Problem:
        draw = random.Random(self.seed)
        search = SearchSpace(
            norms=(draw.choice(LINEAR_NORMS),),
            embedding_dims=(draw.choice((0, 1, 2, C)),),
            n_factors=(draw.choice((0, 0, 1, 2)),),
        )
        return Problem(L, H, draw.choice((0, 0, 1, 3)), search)

    @property
    def options(self) -> ExactOptions:
        ridge = 10 ** random.Random(self.seed).uniform(-4, 0)
        return ExactOptions(ridge=ridge, factor_lookback=FACTOR_LOOKBACK)

    @property
    def max_direct(self) -> int:
        return random.Random(self.seed + 1).choice((10**6, 0))

    @property
    def series(self) -> list[ObservedSeries]:
        draw = random.Random(self.seed + 2)
        kinds = [kind for kind in ("past", "future", "static") if draw.random() < 0.5]
        lengths = draw.choice(([60], [60, 33], [25, 41, 30]))
        seeds = range(100 * self.seed, 100 * self.seed + len(lengths))
        return [make(n, kinds, seed) for n, seed in zip(lengths, seeds, strict=True)]

    def solve(self, series: list[ObservedSeries]) -> ExactSolution:
        return solve_exact(self.problem, series, series, self.options)


def make(n_rows: int, kinds: list[str], seed: int) -> ObservedSeries:
    lags = torch.tensor([[0.8], [-0.5], [0.3]], dtype=torch.float64)
    common = noise(n_rows, 1, seed=seed + 50)
    return ObservedSeries(
        autoregressive(lags, n_rows, seed=seed) + common,
        past=common.roll(1, 0) + noise(n_rows, 2, seed=seed + 51) if "past" in kinds else None,
        future=common + noise(n_rows, 2, seed=seed + 52) if "future" in kinds else None,
        static=noise(C, 2, seed=seed + 53) if "static" in kinds else None,
    )


@pytest.fixture(params=range(60), ids=lambda seed: f"case {seed}")
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Case:
    drawn = Case(request.param)
    monkeypatch.setattr(generated_regression, "MAX_DIRECT", drawn.max_direct)
    return drawn


def test_units_and_levels_of_every_input(case: Case) -> None:
    """Units from 1e-9 to 1e9, and levels up to 1e8 deviations."""
    before = case.series
    draw = torch.Generator().manual_seed(case.seed)

    def units_and_levels(like: Tensor) -> tuple[Tensor, Tensor]:
        columns = like.shape[1]
        random = torch.rand(3, columns, generator=draw, dtype=torch.float64)
        unit = 10 ** (18 * random[0] - 9)
        return unit, torch.where(random[1] < 0.5, -1.0, 1.0) * unit * 10 ** (8 * random[2])

    changed, of_target = {}, None
    for kind in ("target", "past", "future", "static"):
        if getattr(before[0], kind) is not None:
            changed[kind] = units_and_levels(getattr(before[0], kind))
    of_target = changed["target"]
    after = [
        replace(one, **{k: getattr(one, k) * unit + level for k, (unit, level) in changed.items()})
        for one in before
    ]
    expected, found = case.solve(before), case.solve(after)
    networks = [network_of(expected, case.problem, before[0])]
    networks.append(network_of(found, case.problem, after[0]))
    for one, two in zip(before, after, strict=True):
        at_first = forecasts(networks[0], case.problem, one)
        unit, level = of_target
        back = (forecasts(networks[1], case.problem, two) - level) / unit
        torch.testing.assert_close(back, at_first, rtol=0.0, atol=1e-6)


def test_order_of_channels(case: Case) -> None:
    order = torch.tensor([2, 0, 1])
    before = case.series
    after = [
        replace(
            one,
            target=one.target[:, order],
            static=None if one.static is None else one.static[order],
        )
        for one in before
    ]
    networks = [network_of(case.solve(each), case.problem, each[0]) for each in (before, after)]
    for one, two in zip(before, after, strict=True):
        expected = forecasts(networks[0], case.problem, one)[..., order]
        found = forecasts(networks[1], case.problem, two)
        torch.testing.assert_close(found, expected, rtol=0.0, atol=1e-8)


def test_weights_are_those_of_least_squares(case: Case) -> None:
    """In units of the training rows, penalised in units of each group of regressors."""
    solution = case.solve(case.series)
    assert_same_of_channels(solution, least_squares(case.problem, case.series, solution))


@pytest.mark.parametrize("max_direct", [10**6, 0])
@pytest.mark.parametrize("kinds", [(), ("past", "future")])
@pytest.mark.parametrize(
    ("copies", "dim"), [((0, 0), 1), ((0, 0, 1), 2), ((0, 1, 1, 0), 2), ((0, 1, 1, 0), 3)]
)
def test_a_channel_given_twice(
    copies: tuple[int, ...],
    dim: int,
    kinds: tuple[str, ...],
    max_direct: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Vectors [1, z] then span less than their length."""
    monkeypatch.setattr(generated_regression, "MAX_DIRECT", max_direct)
    one = make(60, list(kinds), 0)
    series = replace(one, target=one.target[:, copies])
    assert_least_squares(series, dim)


@pytest.mark.parametrize("max_direct", [10**6, 0])
def test_two_channels_that_are_alike(max_direct: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one vector of two positively correlated channels is the same for both."""
    monkeypatch.setattr(generated_regression, "MAX_DIRECT", max_direct)
    common = autoregressive(torch.tensor([[0.9]]), 80)
    assert_least_squares(ObservedSeries(3 + common + 0.5 * noise(80, 2)), 1)


def assert_least_squares(series: ObservedSeries, dim: int) -> None:
    """Compare a solution with an embedding with least squares."""
    problem = Problem(L, H, search=SearchSpace(embedding_dims=(dim,)))
    solution = solve_exact(problem, [series], options=ExactOptions(ridge=1e-3))
    assert torch.linalg.matrix_rank(solution.mixing, rtol=1e-6) <= dim
    assert_same_of_channels(solution, least_squares(problem, [series], solution))


def assert_same_of_channels(solution: ExactSolution, expected: BasisWeights) -> None:
    """Compare the weights of channels: where vectors [1, z] all but coincide, bases are vague."""
    found, wanted = (w.of_channels(solution.mixing) for w in (solution.weights, expected))
    assert_same_weights(BasisWeights(*found), BasisWeights(*wanted))


def least_squares(
    problem: Problem, several: list[ObservedSeries], solution: ExactSolution
) -> BasisWeights:
    """Solve for a solution's setting by one least-squares problem of all standardised windows."""
    setting = solution.setting
    kinds = {
        "target": slice(None),
        "past": slice(0, L - problem.width),  # that windows look back at
        "future": slice(L, None),
        "static": slice(None),
    }
    for kind, rows in kinds.items():
        parts = [getattr(one, kind) for one in several]
        if parts[0] is not None:
            pooled = torch.cat([part[rows] for part in parts])
            deviation, mean = torch.std_mean(pooled, dim=0, correction=0)
            several = [
                replace(one, **{kind: (part - mean) / deviation})
                for one, part in zip(several, parts, strict=True)
            ]
    lookback = FACTOR_LOOKBACK if setting.n_factors else 0
    loadings = solution.loadings if setting.n_factors else None
    layout = WindowLayout(L, H, problem.shift, setting.norm, loadings, lookback)
    if not setting.individual:
        return stacked_least_squares(several, layout, solution.mixing, setting.ridge)
    # a ridge of its own for each channel
    each = [
        stacked_least_squares(several, layout, one[:, None], setting.ridge)
        for one in solution.mixing
    ]
    weight, future = (torch.cat([getattr(w, n) for w in each]) for n in ("weight", "future"))
    return BasisWeights(weight, future)


CHOICES = SearchSpace(norms=("none", "last", "mean"), embedding_dims=(0, 2, C))


@pytest.mark.parametrize("level", [0.0, 1e6, 1e8, 1e10])
@pytest.mark.parametrize("norms", [CHOICES.norms, ("revin",)], ids=["chosen", "revin"])
def test_a_meter_at_any_level(norms: tuple[str, ...], level: float) -> None:
    """Increments of one: whatever the counter shows, it is forecast as from zero."""
    increments = noise(600, C, seed=3) + 0.5 * noise(600, C, seed=3).roll(1, 0)
    zero = ObservedSeries(increments.cumsum(dim=0))
    meter = ObservedSeries(zero.target + level)
    problem = Problem(8, 1, search=replace(CHOICES, norms=norms))
    errors = []
    for series in (zero, meter):
        solution = solve_exact(problem, [series.rows(0, 450)])
        assert min(entry.validation_mse for entry in solution.compared) > 0
        test = series.rows(450 - 8, 600)
        found = forecasts(network_of(solution, problem, series), problem, test)
        errors.append((found - targets(problem, test)).square().mean().item())
        settings = [entry.setting for entry in solution.compared]
    assert errors[1] == pytest.approx(errors[0], rel=1e-4)
    assert errors[1] < 1.2
    assert settings[0].norm == norms[0]


class TestSmallBesideLarge:
    """What is small in its units counts as much as what is large."""

    def test_a_flag_beside_a_large_target(self) -> None:
        flag = (noise(400, 1, seed=1) > 1.0).double()
        target = 1000 * (noise(400, 2, seed=2) + 2 * flag)
        series = ObservedSeries(target, future=flag)
        problem = Problem(L, 1)
        solution = solve_exact(problem, [series.rows(0, 300)])
        found = forecasts(network_of(solution, problem, series), problem, series.rows(295, 400))
        residuals = found - targets(problem, series.rows(295, 400))
        assert residuals.square().mean() < 1.1 * 1000**2
        solution = solve_exact(problem, [series], options=ExactOptions(ridge=1e-5))
        of_flag = solution.weights.future * solution.units.target.deviation
        of_flag = of_flag / solution.units.future.deviation
        torch.testing.assert_close(of_flag, torch.full_like(of_flag, 2000.0), rtol=0.1, atol=0.0)

    def test_a_large_past_covariate(self) -> None:
        """Of no use, it leaves the weights of the own lags as they are."""
        own = autoregressive(torch.tensor([[0.8]]), 400)
        series = ObservedSeries(own, past=1e4 * noise(400, 1, seed=7))
        options = ExactOptions(ridge=1e-3)
        found = solve_exact(Problem(L, 1), [series], options=options).weights.weight[..., :L]
        expected = solve_exact(Problem(L, 1), [ObservedSeries(own)], options=options)
        torch.testing.assert_close(found, expected.weights.weight[..., :L], rtol=0.0, atol=0.05)
        assert found[0, 0, L - 1] > 0.7

    def test_small_channels_with_heads_of_their_own(self) -> None:
        deviations = torch.tensor([1.0, 1.0, 1e-2, 1e-3], dtype=torch.float64)
        own = autoregressive(torch.full((4, 1), 0.9), 600)
        series = ObservedSeries(own * deviations)
        problem = Problem(L, 1, search=SearchSpace(embedding_dims=(4,)))
        solution = solve_exact(problem, [series.rows(0, 450)])
        test = series.rows(450 - L, 600)
        found = forecasts(network_of(solution, problem, series), problem, test)
        errors = (found - targets(problem, test)).square().mean(dim=(0, 1))
        assert (errors / deviations.square() < 1.4).all()  # shocks of one


class TestConstantChannels:
    @pytest.mark.parametrize("value", [7.0, -1e9, 0.0])
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    @pytest.mark.parametrize("norm", LINEAR_NORMS)
    def test_forecast_themselves(self, norm: str, dtype: torch.dtype, value: float) -> None:
        """Whatever the constants, covariates and factors that they share with others."""
        (series,) = [make(200, ["past", "future", "static"], 0)]
        target = series.target + 100
        target[:, 1] = value
        series = replace(series, target=target)
        search = SearchSpace(norms=(norm,), embedding_dims=(2,), n_factors=(1,))
        problem = Problem(L, H, search=search)
        network = network_of(solve_exact(problem, [series]), problem, series).to(dtype)
        series = ObservedSeries(
            *(getattr(series, kind).to(dtype) for kind in ("target", "past", "future", "static"))
        )
        found = forecasts(network, problem, series)[..., 1]
        torch.testing.assert_close(found, torch.full_like(found, value), rtol=0.0, atol=1e-12)
        # should they move, they are finite
        alive = series.target.clone()
        alive[:, 1] += torch.linspace(0, 1e3, len(alive), dtype=dtype)
        assert torch.isfinite(forecasts(network, problem, replace(series, target=alive))).all()

    def test_follow_their_last_value_should_they_move(self) -> None:
        walk = noise(300, 2).cumsum(dim=0)
        walk[:, 1] = 5.0
        problem = Problem(L, 1, search=SearchSpace(norms=("last",)))
        solution = solve_exact(problem, [ObservedSeries(walk)], options=ExactOptions(ridge=10.0))
        series = ObservedSeries(walk + torch.tensor([0.0, 3.0]))
        found = forecasts(network_of(solution, problem, series), problem, series)[..., 1]
        torch.testing.assert_close(found, torch.full_like(found, 8.0))

    def test_in_training_alone_count_as_they_move_in_validation(self) -> None:
        """Errors stay finite, and the other channels still count."""
        x = autoregressive(torch.tensor([[0.9], [0.9], [-0.9]]), 500)
        x[:400, 2] = 1.0
        series = ObservedSeries(x)
        training, validation = series.rows(0, 400), series.rows(400 - L, 500)
        solution = solve_exact(Problem(L, 1), [training], [validation])
        errors = [entry.validation_mse for entry in solution.compared]
        assert 0.05 < min(errors) <= max(errors) < 10
        rms = (validation.target[:, 2] - 1.0).square().mean().sqrt()
        torch.testing.assert_close(solution.units.target.deviation[2], rms)

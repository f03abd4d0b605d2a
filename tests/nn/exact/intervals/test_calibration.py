"""Calibrated quantiles."""

import math
import warnings
from collections.abc import Sequence

import pytest
import torch
from made_series import H, L, alike, autoregressive, noise
from naive_windows import design
from torch import Tensor

from hyperforecast.nn.exact import (
    ExactOptions,
    ExactSolution,
    ObservedSeries,
    Problem,
    SearchSpace,
    WindowLayout,
    choose_search_space,
    solve_exact,
)
from hyperforecast.nn.exact.intervals.calibration import (
    around_zero,
    calibrate,
    conformal_quantiles,
    shrunk_quantiles,
    warn_beyond,
)
from hyperforecast.nn.exact.intervals.out_of_sample import OutOfSample
from hyperforecast.nn.exact.uncertainty.effective_size import EffectiveSize

INTERVAL = (0.05, 0.5, 0.95)


def quantiles_of(residuals: Tensor, counts: Sequence[int], levels: Sequence[float]) -> Tensor:
    size = EffectiveSize.of(residuals / residuals.abs().mean(dim=1, keepdim=True), counts, 0)
    return shrunk_quantiles(residuals, size, 0, torch.tensor(levels, dtype=residuals.dtype))


class TestQuantiles:
    @pytest.mark.parametrize("n", [3, 8, 18])
    def test_few_independent_residuals_have_the_quantiles_of_student_t(self, n: int) -> None:
        """The level lies beyond what n values tell; a normal scale of n degrees is known."""
        residuals = torch.linspace(-1, 1, n, dtype=torch.float64)[None, :, None]
        found = quantiles_of(residuals, [n], (0.05, 0.95))
        scale = residuals.abs().mean() * math.sqrt(math.pi / 2)
        tables = {3: 2.3534, 8: 1.8595, 18: 1.7341}
        expected = tables[n] * scale
        torch.testing.assert_close(
            found.flatten(), torch.stack([-expected, expected]), rtol=1e-4, atol=0
        )

    def test_many_independent_ones_have_the_normal_quantiles(self) -> None:
        deviations = torch.tensor([1.0, 4.0], dtype=torch.float64)
        residuals = noise(2, 20000, 2) * deviations[:, None, None]
        levels = torch.tensor([0.05, 0.25, 0.5, 0.95], dtype=torch.float64)
        found = quantiles_of(residuals, [20000], levels.tolist())
        expected = torch.special.ndtri(levels) * deviations[:, None, None]
        torch.testing.assert_close(
            found / deviations[:, None, None],
            (expected / deviations[:, None, None]).expand(2, 2, -1),
            rtol=0,
            atol=0.1,
        )

    def test_many_tell_a_skewed_shape_and_its_median(self) -> None:
        residuals = noise(1, 20000, 1).exp() - math.exp(0.5)
        found = quantiles_of(residuals, [20000], INTERVAL).flatten()
        expected = torch.exp(torch.tensor([-1.6449, 0.0, 1.6449])) - math.exp(0.5)
        torch.testing.assert_close(found, expected.double(), rtol=0.0, atol=0.1)

    def test_a_next_value_is_exceeded_as_often_as_they_say(self) -> None:
        """At finitely many: of 39 values the first and the last are the quantiles 1 and 39 / 40."""
        values = torch.arange(1.0, 40.0, dtype=torch.float64)[None] - 20
        levels = torch.tensor([1 / 40, 0.5, 0.75, 39 / 40], dtype=torch.float64)
        found = conformal_quantiles(values, levels, torch.tensor([[39.0]]))
        torch.testing.assert_close(found.flatten(), torch.tensor([-19, 0, 10, 19]).double())

    def test_channels_of_few_rows_share_their_shape(self) -> None:
        """Forty channels with twelve residuals each tell that the tails are heavy."""
        random = noise(40, 12, 1, seed=2) / noise(40, 12, 1, seed=3).abs().clamp(min=0.1)
        alone = quantiles_of(random[:1], [12], (0.02, 0.98))
        together = quantiles_of(random, [12], (0.02, 0.98))[:1]
        scale = random[:1].abs().mean()
        assert (alone / scale).diff().item() == pytest.approx(2 * 2.301 * 1.2533, rel=0.01)
        assert together.diff().item() > 1.1 * alone.diff().item()

    def test_do_not_depend_on_units(self) -> None:
        residuals, units = noise(3, 50, 4), torch.tensor([1e-9, 1.0, 1e9]).double()[:, None, None]
        one = quantiles_of(residuals, [50], INTERVAL)
        other = quantiles_of(residuals * units, [50], INTERVAL)
        torch.testing.assert_close(other, one * units)

    def test_do_not_depend_on_the_order_of_channels(self) -> None:
        """Of which there are more than one quantile is taken of."""
        residuals = noise(7, 900, 3) ** torch.tensor([1, 3, 1, 1, 3, 1, 1])[:, None, None]
        one = quantiles_of(residuals, [900], INTERVAL)
        other = quantiles_of(residuals.flip(0), [900], INTERVAL)
        torch.testing.assert_close(other.flip(0), one)

    def test_are_those_of_errors_over_the_scale_of_their_window(self) -> None:
        """Normal ones here, although errors of all windows together have heavy tails."""
        variances = torch.tensor([0.1, 1.9], dtype=torch.float64).repeat(2000)[None, :, None]
        residuals = noise(1, 4000, 1) * variances.sqrt()
        levels = (0.01, 0.5, 0.75, 0.99)
        found = calibrate(
            OutOfSample(residuals, variances, (3,), (4000,)), Problem(3, 1, quantiles=levels)
        )
        assert found.volatility.constant <= 0.125
        lowest, _, third, highest = found.offsets.flatten().tolist()
        assert highest / third == pytest.approx(2.326 / 0.6745, rel=0.15)  # 6.3 of all
        assert lowest / third == pytest.approx(-2.326 / 0.6745, rel=0.15)

    def test_of_nothing_but_zeros_are_zero(self) -> None:
        sample = OutOfSample(torch.zeros(2, 90, 1), torch.zeros(2, 90, 1), (3,), (90,))
        found = calibrate(sample, Problem(3, 1, quantiles=INTERVAL))
        assert (found.offsets == 0).all()


class TestWarning:
    def test_says_what_was_asked_and_what_there_is(self) -> None:
        with pytest.warns(UserWarning, match="independent windows") as caught:
            warn_beyond((0.05, 0.5, 0.95), 7.4)
        (message,) = [str(one.message) for one in caught]
        assert message.startswith(
            "Quantiles from 0.05 to 0.95 take 19 independent windows or more to be told from "
            "data; the series hold about 7, counting those whose horizons do not overlap."
        )
        assert "Give longer series, or ask for a shorter horizon" in message

    @pytest.mark.parametrize(("levels", "needed"), [((0.1, 0.9), 9), ((0.5, 0.99), 99)])
    def test_comes_below_what_the_outermost_level_takes(
        self, levels: tuple[float, ...], needed: int
    ) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warn_beyond(levels, needed)
        with pytest.warns(UserWarning, match=f"take {needed} independent"):
            warn_beyond(levels, needed - 0.1)

    def test_comes_once_from_a_fit(self) -> None:
        with pytest.warns(UserWarning, match="hold about 4") as caught:
            solve_exact(Problem(24, 12, quantiles=INTERVAL), [ObservedSeries(noise(72, 1))])
        assert len(caught) == 1


def forecasts(solution: ExactSolution, series: ObservedSeries, problem: Problem) -> Tensor:
    """Quantiles that a solution forecasts for every window, less the level: (T, C, H, P).

    In units of the solution.
    """
    layout = WindowLayout(problem.lookback, problem.horizon, norm=solution.setting.norm)
    x, _, _ = design(solution.units.standardise(series), layout)
    weight, _ = solution.weights.of_channels(solution.mixing)
    learned = solution.residual_quantiles
    assert learned is not None
    own = x[..., : problem.lookback] / x[..., -1:]
    variance = torch.full(own.shape[:2], learned.volatility.constant, dtype=own.dtype)
    for n, span in enumerate(learned.volatility.spans):
        recent = own[..., -span:].var(dim=2, correction=0)
        variance = variance + learned.volatility.coefficients[:, n] * recent
    widths = learned.offsets * (variance.sqrt().unsqueeze(-1) * x[..., -1:]).unsqueeze(-1)
    return torch.einsum("tcp,chp->tch", x, weight)[..., None] + widths


def inside(solution: ExactSolution, series: ObservedSeries, problem: Problem) -> Tensor:
    """Say which targets lie between the outermost quantiles: (T, C, H)."""
    layout = WindowLayout(problem.lookback, problem.horizon, norm=solution.setting.norm)
    _, y, _ = design(solution.units.standardise(series), layout)
    found = forecasts(solution, series, problem)
    return ((y >= found[..., 0]) & (y <= found[..., -1])).double()


class TestSolution:
    levels = (0.1, 0.5, 0.9)

    @pytest.mark.parametrize("norm", ["none", "last", "revin"])
    def test_covers_what_it_says(self, norm: str) -> None:
        """Of white noise with a deviation for each channel, whatever the norm."""
        deviations = torch.tensor([1.0, 4.0], dtype=torch.float64)
        series = ObservedSeries(noise(8000, 2) * deviations)
        problem = Problem(12, H, search=SearchSpace(norms=(norm,)), quantiles=self.levels)
        solution = solve_exact(problem, [series.rows(0, 6000)])
        test = series.rows(6000, 8000)
        found = forecasts(solution, test, problem)
        standardised = solution.units.standardise(test)
        _, y, _ = design(standardised, WindowLayout(12, H, norm=norm))
        deviations = deviations / solution.units.target.deviation
        below = (y[..., None] < found).double().mean(dim=0)  # (C, H, P)
        expected = torch.tensor(self.levels, dtype=torch.float64).expand_as(below)
        torch.testing.assert_close(below, expected, rtol=0.0, atol=0.05)
        offsets = solution.residual_quantiles.offsets
        assert offsets.shape == (2, H, 3)
        if norm == "none":  # residuals are the noise itself
            normal = torch.special.ndtri(torch.tensor(self.levels, dtype=torch.float64))
            for c in range(2):
                unit = offsets[c] / deviations[c]
                torch.testing.assert_close(unit, normal.expand_as(unit), rtol=0.0, atol=0.15)

    @pytest.mark.parametrize("n_rows", [48, 72, 120])
    def test_covers_what_follows_short_series(self, n_rows: int) -> None:
        """An autoregression with a season; of 48 rows there are fewer windows than regressors."""
        problem = Problem(24, 12, search=choose_search_space(1, "last"), quantiles=INTERVAL)
        season = 2 * torch.sin(2 * math.pi * torch.arange(n_rows + 12.0) / 12).double()[:, None]
        found = []
        for draw in range(40):
            shocks = autoregressive(torch.tensor([[0.6]]), n_rows + 12, seed=draw)
            series = ObservedSeries(shocks + season)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                solution = solve_exact(problem, [series.rows(0, n_rows)])
            found.append(inside(solution, series.rows(n_rows - 24, n_rows + 12), problem).mean())
        assert 0.84 < torch.stack(found).mean().item() < 0.96

    def test_given_validation_series_are_joined(self) -> None:
        """Their residuals, with those of training windows left out: here ten times as large."""
        series = ObservedSeries(noise(400, 1))
        louder = ObservedSeries(10 * noise(400, 1, seed=1))
        problem = Problem(4, 1, quantiles=INTERVAL)
        options = ExactOptions(ridge=10.0)
        calm, both = (
            solve_exact(problem, [series], [one], options).residual_quantiles.offsets.diff().sum()
            for one in (series, louder)
        )
        assert both > 3 * calm

    def test_follows_the_window_where_that_calibrates_better(self) -> None:
        """Noise whose deviation is 1 or 5, for 100 steps each."""
        deviations = torch.where(torch.arange(6000) // 100 % 2 == 0, 1.0, 5.0)[:, None].double()
        series = ObservedSeries(noise(6000, 1) * deviations)
        problem = Problem(24, 4, quantiles=INTERVAL)
        solution = solve_exact(problem, [series.rows(0, 4000)])
        assert solution.residual_quantiles.volatility.spans
        test = series.rows(4000, 6000)
        covered = inside(solution, test, problem).mean(dim=(1, 2))
        target = torch.arange(len(covered)) + 24
        calm, lively = (target // 100 % 2 == 0), (target // 100 % 2 == 1)
        assert covered[calm].mean().item() == pytest.approx(0.9, abs=0.05)
        assert covered[lively].mean().item() == pytest.approx(0.9, abs=0.05)

    def test_is_equivariant_to_units(self) -> None:
        series = alike(3)
        units = torch.tensor(4.0, dtype=torch.float64)  # a power of two, so nothing is rounded
        problem = Problem(L, H, quantiles=INTERVAL)
        one = solve_exact(problem, [series])
        other = solve_exact(problem, [ObservedSeries(series.target * units)])
        found = forecasts(other, ObservedSeries(series.target * units), problem)
        torch.testing.assert_close(found, forecasts(one, series, problem))
        expected = units * one.units.target.deviation
        torch.testing.assert_close(other.units.target.deviation, expected)

    @pytest.mark.parametrize("given", [False, True], ids=["left out", "held out"])
    def test_does_not_depend_on_the_order_of_series(self, given: bool) -> None:
        lengths = [40, 33, 90, 61, 40, 75]
        series = [alike(1, n_rows=n, seed=7 * i) for i, n in enumerate(lengths)]
        validation = [alike(1, n_rows=n, seed=50 + i) for i, n in enumerate(lengths)]
        problem = Problem(L, H, quantiles=(0.25, 0.5, 0.75))
        one = solve_exact(problem, series, validation if given else None)
        other = solve_exact(problem, series[::-1], validation[::-1] if given else None)
        torch.testing.assert_close(other.residual_quantiles.offsets, one.residual_quantiles.offsets)

    def test_a_constant_series_has_no_width(self) -> None:
        series = ObservedSeries(torch.full((80, 2), 3.0, dtype=torch.float64))
        solution = solve_exact(
            Problem(L, H, search=SearchSpace(("last",)), quantiles=INTERVAL), [series]
        )
        torch.testing.assert_close(
            solution.residual_quantiles.offsets, torch.zeros(2, H, 3).double()
        )

    def test_quantiles_not_asked_for_are_not_there(self) -> None:
        assert solve_exact(Problem(L, H), [alike()]).residual_quantiles is None


def test_quantiles_around_zero_lie_on_their_sides_of_it() -> None:
    levels = torch.tensor([0.1, 0.25, 0.5, 0.75])
    quantiles = torch.tensor([[-1.0, 0.2, 0.3, 0.4], [-3.0, -2.0, -1.0, -0.5]])
    expected = torch.tensor([[-1.0, 0.0, 0.0, 0.4], [-3.0, -2.0, 0.0, 0.0]])
    assert torch.equal(around_zero(quantiles, levels), expected)

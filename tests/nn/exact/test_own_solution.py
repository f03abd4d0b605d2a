"""Channels that each have windows of their own, solved for."""

from dataclasses import replace

import pytest
import torch

from hyperforecast.nn.exact import (
    Combination,
    ExactOptions,
    ExactSolution,
    ObservedSeries,
    Problem,
    SearchSpace,
    Setting,
    choose_search_space,
    solve_exact,
)
from hyperforecast.nn.exact.windows.units import MeanDeviation

FIXED = ExactOptions(ridge=1e-2, combine=False, pool=False)


def waves(n_rows: int, n_channels: int) -> torch.Tensor:
    """Return series of two kinds, by turns."""
    series = torch.zeros(n_rows + 50, n_channels, dtype=torch.float64)
    noise = torch.randn(n_rows + 50, n_channels, dtype=torch.float64)
    push = torch.where(torch.arange(n_channels) % 2 == 0, 0.9, -0.9).double()
    for t in range(1, n_rows + 50):
        series[t] = push * series[t - 1] + noise[t]
    return series[50:]


def apart(table: torch.Tensor, begins: list[int] | None = None) -> list[ObservedSeries]:
    """Return each column of a table as a series of its own, from a row on."""
    begins = begins or [0] * table.shape[1]
    return [
        ObservedSeries(table[begin:, c : c + 1], channels=torch.tensor([c]))
        for c, begin in enumerate(begins)
    ]


def solve(series: list[ObservedSeries], n_channels: int, dims=(0, 2), **options) -> ExactSolution:
    search = SearchSpace(("last",), dims, pooled=options.pop("pooled", False))
    problem = Problem(6, 2, search=search, n_channels=n_channels)
    return solve_exact(problem, series, options=options.pop("options", FIXED))


def forecasts(solution: ExactSolution, table: torch.Tensor) -> torch.Tensor:
    """Return forecasts from the last rows of every channel, (H, C)."""
    weight, _ = solution.weights.of_channels(solution.mixing)
    rows = solution.units.target.standardise(table[-6:]).T  # (C, L)
    seen = torch.cat([rows - rows[:, -1:], torch.ones(len(rows), 1)], dim=1)
    ahead = torch.einsum("chp,cp->ch", weight, seen) + rows[:, -1:]
    return (
        ahead * solution.units.target.deviation[:, None] + solution.units.target.mean[:, None]
    ).T


@pytest.mark.parametrize("dims", [(0,), (5,)])
def test_channels_of_a_table_given_apart_have_the_weights_of_the_table(dims) -> None:
    table = waves(120, 5)
    problem = Problem(6, 2, search=SearchSpace(("last",), dims))
    together = solve_exact(problem, [ObservedSeries(table)], options=FIXED)
    alone = solve(apart(table), 5, dims)
    torch.testing.assert_close(alone.weights.weight, together.weights.weight)
    torch.testing.assert_close(alone.units.target.mean, together.units.target.mean)
    torch.testing.assert_close(alone.units.target.deviation, together.units.target.deviation)


def test_kinds_are_told_apart_by_series_of_unequal_lengths() -> None:
    table = waves(400, 12)
    begins = [300 - 20 * c for c in range(12)]
    solution = solve(apart(table, begins), 12)
    assert solution.setting.embedding_dim == 2
    first = solution.embedding[:, 0]
    assert (first[::2] > 0).all() != (first[1::2] > 0).all()
    assert (first[::2].sign() == first[0].sign()).all()


def test_levels_and_scales_cost_nothing() -> None:
    table = waves(200, 6)
    scale = 10.0 ** torch.arange(6)
    level = torch.tensor([0.0, 5.0, -50.0, 1e3, 1e4, -1e5]).double()
    begins = [0, 20, 40, 60, 80, 100]
    expected = forecasts(solve(apart(table, begins), 6), table)
    found = forecasts(solve(apart(table * scale + level, begins), 6), table * scale + level)
    torch.testing.assert_close((found - level) / scale, expected, rtol=1e-5, atol=1e-5)


def test_weights_drawn_to_generated_ones_are_compared() -> None:
    solution = solve(apart(waves(400, 12)), 12, dims=(0, 2), pooled=True)
    assert any(entry.setting.shared_ridge is not None for entry in solution.compared)


def test_a_series_without_a_window_has_the_mean_weights() -> None:
    table = waves(200, 4)
    solution = solve(apart(table, [0, 0, 0, 197]), 4, dims=(4,))
    weight = solution.weights.weight
    torch.testing.assert_close(weight[3], weight[:3].mean(dim=0))


def test_units_are_those_of_each_channels_own_rows() -> None:
    series = [
        *apart(1e6 + waves(40, 3)),
        ObservedSeries(torch.full((9, 1), 0.1).double(), channels=torch.tensor([4])),
    ]
    found = MeanDeviation.of_channels(series, 5)
    for channel, one in zip((0, 1, 2, 4), series, strict=True):
        expected = MeanDeviation.of([one.target])
        torch.testing.assert_close(found.mean[channel], expected.mean[0])
        torch.testing.assert_close(found.deviation[channel], expected.deviation[0])
    assert found.deviation[3] == found.deviation[4] == 0.0


class TestFactors:
    """Common factors of the channels of a series."""

    settings = [
        Setting("last", 0, False, 2, 0.1),
        Setting("mean", 3, True, 2, 0.1),
        Setting("none", 0, True, 1, 0.1, shared_ridge=0.3),
    ]

    @staticmethod
    def driven(n_series: int, n_rows: int = 150) -> list[ObservedSeries]:
        """Return series whose channels follow what one of them was a step ago."""
        series = []
        for n in range(n_series):
            noise = torch.randn(n_rows, 3, dtype=torch.float64)
            noise[1:, 1:] = 0.3 * noise[1:, 1:] + torch.tensor([1.0, -1.0]) * noise[:-1, :1]
            series.append(ObservedSeries(10.0**n * noise, channels=3 * n + torch.arange(3)))
        return series

    @staticmethod
    def solve(series: list[ObservedSeries], setting: Setting, n_channels: int) -> ExactSolution:
        own = series[0].channels is not None
        problem = Problem(6, 2, n_channels=n_channels if own else None)
        return solve_exact(problem, series, combination=Combination.alone(setting))

    @pytest.mark.parametrize("setting", settings)
    def test_of_one_series_are_those_of_its_table(self, setting: Setting) -> None:
        (one,) = self.driven(1)
        found = self.solve([one], setting, 3)
        expected = self.solve([replace(one, channels=None)], setting, 3)
        torch.testing.assert_close(found.loadings, expected.loadings)
        torch.testing.assert_close(found.weights.weight, expected.weights.weight)

    @pytest.mark.parametrize("setting", settings[:2])
    def test_of_a_series_given_under_two_names_are_those_of_one(self, setting: Setting) -> None:
        (one,) = self.driven(1)
        both = [one, replace(one, target=50 + 7 * one.target, channels=3 + torch.arange(3))]
        if setting.individual:
            setting = replace(setting, embedding_dim=6)
        found = self.solve(both, setting, 6)
        expected = self.solve([one], replace(setting, embedding_dim=setting.embedding_dim // 2), 3)
        for number in (0, 3):
            weight, _ = found.weights.of_channels(found.mixing[number : number + 3])
            known, _ = expected.weights.of_channels(expected.mixing)
            torch.testing.assert_close(weight, known, rtol=1e-6, atol=1e-8)

    def test_are_chosen_where_they_tell_more_than_a_channels_own_past(self) -> None:
        search = choose_search_space(
            12, "last", generated=True, n_factors=3, lookback=6, own_windows=True, n_aligned=3
        )
        solution = solve_exact(Problem(6, 2, search=search, n_channels=12), self.driven(4))
        assert solution.setting.n_factors == 3
        errors = {
            entry.setting.n_factors: entry.validation_mse
            for entry in solution.compared
            if entry.chosen
        }
        assert errors[3] < 0.9 * errors[0]
        apart_ = [replace(one, target=torch.randn_like(one.target)) for one in self.driven(4)]
        solution = solve_exact(Problem(6, 2, search=search, n_channels=12), apart_)
        assert solution.setting.n_factors == 0

    def test_need_series_of_several_channels(self) -> None:
        problem = Problem(6, 2, n_channels=3, search=SearchSpace(n_factors=(0, 2)))
        with pytest.raises(ValueError, match=r"the same several channels each; got \[1\]"):
            solve_exact(problem, apart(waves(60, 3)))


def test_the_last_values_of_channels_without_a_common_time_axis_are_refused() -> None:
    problem = Problem(6, 2, n_channels=3, search=SearchSpace(neighbours=True))
    with pytest.raises(ValueError, match="There is no closed form of the last values of all"):
        solve_exact(problem, apart(waves(60, 3)))


def test_the_number_of_channels_has_to_be_said() -> None:
    with pytest.raises(ValueError, match=r"Problem\.n_channels must say how many"):
        solve_exact(Problem(6, 2), apart(waves(60, 3)))


class TestSharedRows:
    """Channels of a series that share their weights, and have units of their own."""

    @staticmethod
    def both(n_series: int = 4, n_rows: int = 90) -> tuple[list[ObservedSeries], torch.Tensor]:
        """Return series of a wave and the same backwards, which has its mean and deviation."""
        table = waves(n_rows, n_series)
        series = [
            ObservedSeries(
                torch.stack([table[:, n], table[:, n].flip(0)], dim=1),
                channels=2 * n + torch.arange(2),
            )
            for n in range(n_series)
        ]
        return series, torch.arange(n_series).repeat_interleave(2)

    @pytest.mark.parametrize("weight", [None, "linear"])
    @pytest.mark.parametrize("dims", [(0,), (0, 2), (4,)])
    @pytest.mark.parametrize("pooled", [False, True])
    def test_are_those_of_stretches_of_one_channel(self, dims, pooled: bool, weight) -> None:
        series, rows = self.both()
        if weight is not None:
            series = [
                replace(one, weight=torch.arange(1.0, 91.0)[:, None].double()) for one in series
            ]
        validation, _ = self.both(n_rows=40)

        def stretches(several: list[ObservedSeries]) -> list[ObservedSeries]:
            return [
                one.replaced(target=one.target[:, [c]], channels=one.numbers[:1] // 2)
                for one in several
                for c in range(2)
            ]

        search = SearchSpace(("last", "none"), dims, pooled=pooled)
        problem = Problem(6, 2, search=search, n_channels=8, rows=rows)
        found = solve_exact(problem, series, validation, FIXED)
        alone = replace(problem, n_channels=4, rows=None)
        expected = solve_exact(alone, stretches(series), stretches(validation), FIXED)
        assert [e.setting for e in found.compared] == [e.setting for e in expected.compared]
        for one, other in zip(found.compared, expected.compared, strict=True):
            assert one.validation_mse == pytest.approx(other.validation_mse)
        torch.testing.assert_close(found.mixing, expected.mixing)
        torch.testing.assert_close(found.weights.weight, expected.weights.weight)

    def test_levels_and_scales_of_channels_cost_nothing(self) -> None:
        series, rows = self.both()
        scale, level = torch.tensor([1.0, 1e3]).double(), torch.tensor([-5.0, 1e4]).double()
        problem = Problem(
            6, 2, search=SearchSpace(("last",), (0, 2)), n_channels=8, rows=rows, quantiles=(0.1,)
        )
        expected = solve_exact(problem, series, options=FIXED)
        moved = [one.replaced(target=one.target * scale + level) for one in series]
        found = solve_exact(problem, moved, options=FIXED)
        torch.testing.assert_close(found.weights.weight, expected.weights.weight)
        assert found.residual_quantiles.offsets.shape[0] == 8
        torch.testing.assert_close(
            found.residual_quantiles.offsets, expected.residual_quantiles.offsets
        )

    def test_channels_have_intervals_of_their_own(self) -> None:
        """Of two channels with the same weights one errs ten times as much."""
        noise = torch.randn(400, 2, dtype=torch.float64) * torch.tensor([0.1, 1.0])
        wave = torch.sin(torch.arange(400.0).double() / 3)[:, None]
        one = ObservedSeries(wave + noise, channels=torch.arange(2))
        problem = Problem(
            6,
            2,
            search=SearchSpace(("none",), (0,)),
            n_channels=2,
            rows=torch.zeros(2, dtype=torch.int64),
            quantiles=(0.1, 0.9),
        )
        solution = solve_exact(problem, [one])
        offsets = solution.residual_quantiles.offsets
        width = (offsets[..., 1] - offsets[..., 0]).mean(dim=1) * solution.units.target.deviation
        assert width[1] > 4 * width[0]

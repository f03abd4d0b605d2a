"""Channels that each have windows of their own, solved for."""

from dataclasses import replace

import pytest
import torch

from hyperforecast.nn.exact import (
    ExactOptions,
    ExactSolution,
    ObservedSeries,
    Problem,
    SearchSpace,
    solve_exact,
)
from hyperforecast.nn.exact.units import MeanDeviation

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


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"search": SearchSpace(n_factors=(0, 2))}, "common factors"),
        ({"search": SearchSpace(neighbours=True)}, "the last values of all channels"),
    ],
)
def test_what_needs_the_same_windows_of_all_channels_is_refused(changed, words) -> None:
    problem = replace(Problem(6, 2, n_channels=3), **changed)
    with pytest.raises(ValueError, match=f"There is no closed form of {words} where channels"):
        solve_exact(problem, apart(waves(60, 3)))


def test_the_number_of_channels_has_to_be_said() -> None:
    with pytest.raises(ValueError, match=r"Problem\.n_channels must say how many"):
        solve_exact(Problem(6, 2), apart(waves(60, 3)))

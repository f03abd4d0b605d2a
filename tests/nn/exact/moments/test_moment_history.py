"""Products carried on from fit to fit, against those made anew."""

from typing import Any

import pytest
import torch
from torch import Tensor

from hyperforecast.nn.exact import (
    ExactOptions,
    MeanDeviation,
    MomentHistory,
    ObservedSeries,
    Problem,
    SearchSpace,
    lagged_products,
    solve_exact,
)
from hyperforecast.nn.exact.moments import moment_history as module

WIDTH = 6


def rows() -> Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.randn(80, 2, generator=random, dtype=torch.float64) + torch.tensor([0.0, 1e6])


def part(first: int, end: int) -> ObservedSeries:
    return ObservedSeries(rows()[first:end], start=first)


def units(series: ObservedSeries) -> MeanDeviation:
    return MeanDeviation.of([series.target])


def anew(series: ObservedSeries, width: int = WIDTH) -> Tensor:
    x = units(series).standardise(series.target).T.contiguous()
    return lagged_products(x, x, len(series.target) - width + 1, width, width)


def made_anew(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """List the numbers of windows over which products are made anew, as that happens."""
    counts = []

    def counted(a: Tensor, b: Tensor, n_windows: int, *widths: int) -> Tensor:
        counts.append(n_windows)
        return lagged_products(a, b, n_windows, *widths)

    monkeypatch.setattr(module, "lagged_products", counted)
    return counts


@pytest.mark.parametrize(
    "spans",
    [
        [(0, 50), (0, 52), (0, 55)],  # a growing window
        [(0, 50), (2, 52), (5, 54)],  # a sliding one
        [(10, 60), (8, 57)],  # back in time
        [(0, 50), (0, 50)],
    ],
)
def test_overlapping_series_are_carried_on(
    spans: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    counts, history = made_anew(monkeypatch), MomentHistory()
    for span in spans:
        found = history.products("training", 0, part(*span), WIDTH, units(part(*span)))
        torch.testing.assert_close(found, anew(part(*span)), rtol=0.0, atol=1e-11)
    assert len(counts) == 1


@pytest.mark.parametrize(
    ("first", "second", "width"),
    [
        (part(0, 30), part(40, 70), WIDTH),  # nothing in common
        (part(0, 50), part(0, 70), WIDTH),  # too much that is new
        (part(0, 50), part(0, 51), WIDTH + 1),
        (part(0, 50), ObservedSeries(rows()[:51] + 1, start=0), WIDTH),  # other values
        (part(0, 50), ObservedSeries(rows()[:51]), WIDTH),  # at an unknown time
    ],
)
def test_others_are_made_anew(
    first: ObservedSeries, second: ObservedSeries, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts, history = made_anew(monkeypatch), MomentHistory()
    history.products("training", 0, first, WIDTH, units(first))
    found = history.products("training", 0, second, width, units(second))
    torch.testing.assert_close(found, anew(second, width), rtol=0.0, atol=1e-11)
    assert len(counts) == 2


def test_splits_and_series_are_kept_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    counts, history = made_anew(monkeypatch), MomentHistory()
    for split, number in (("training", 0), ("training", 1), ("validation", 0)):
        history.products(split, number, part(0, 50), WIDTH, units(part(0, 50)))
    assert len(counts) == 3
    history.products("validation", 0, part(0, 51), WIDTH, units(part(0, 51)))
    assert len(counts) == 3


@pytest.mark.parametrize("spike", [1e3, 1e8])
def test_what_has_left_leaves_no_rounding_behind(spike: float) -> None:
    values = rows()
    values[3, 0] += spike

    def at(first: int) -> ObservedSeries:
        return ObservedSeries(values[first : first + 40], start=first)

    history = MomentHistory()
    for first in range(8):
        found = history.products("training", 0, at(first), WIDTH, units(at(first)))
        torch.testing.assert_close(found, anew(at(first)), rtol=0.0, atol=1e-11)


def test_a_channel_that_was_constant_comes_alive() -> None:
    values = rows()
    values[:45, 0] = 7.0
    history = MomentHistory()
    for end in (40, 42, 46, 50):
        series = ObservedSeries(values[:end], start=0)
        found = history.products("training", 0, series, WIDTH, units(series))
        torch.testing.assert_close(found, anew(series), rtol=0.0, atol=1e-10)


def test_only_channels_of_which_little_is_left_are_made_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = rows()
    values[0, 1] += 1e8
    history, widths = MomentHistory(), []

    def counted(a: Tensor, *arguments: Any) -> Tensor:
        widths.append(len(a))
        return lagged_products(a, *arguments)

    monkeypatch.setattr(module, "lagged_products", counted)
    for first in range(3):
        series = ObservedSeries(values[first : first + 40], start=first)
        history.products("training", 0, series, WIDTH, units(series))
    assert widths == [2, 1]


@pytest.mark.parametrize("level", [0.0, 1e8])
def test_fits_that_share_one_equal_fits_of_their_own(level: float) -> None:
    """Of windows that move on, out of a spike: weights, errors and units."""
    values = level + rows().cumsum(dim=0)
    values[2, 0] += 1e8
    search = SearchSpace(norms=("none", "last", "mean"), embedding_dims=(0, 2))
    problem, options = Problem(WIDTH - 1, 1, search=search), ExactOptions(ridge=1e-2)
    history = MomentHistory()
    for first in range(0, 8, 2):
        series = ObservedSeries(values[first : first + 60], start=first)
        found = solve_exact(problem, [series], options=options, history=history)
        expected = solve_exact(problem, [series], options=options)
        assert found.setting == expected.setting
        torch.testing.assert_close(found.weights.weight, expected.weights.weight)
        torch.testing.assert_close(found.units.target, expected.units.target)

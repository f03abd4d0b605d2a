"""Weights of windows of channels that each have their own."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from own_windows_cases import N_CHANNELS, stretch

from hyperforecast.nn.exact import (
    ExactOptions,
    ExactSolution,
    ObservedSeries,
    Problem,
    SearchSpace,
    Setting,
    WindowLayout,
    solve_exact,
)
from hyperforecast.nn.exact.data_split import DataSplit
from hyperforecast.nn.exact.window_weights import weights_obstacle, window_weights

L, H = 4, 2
WIDTH = L + H
LAYOUT = WindowLayout(L, H)

SETTINGS = {
    "generated": Setting("last", 2, False, 0, 0.1),
    "one each": Setting("last", N_CHANNELS, True, 0, 0.1),
    "drawn to generated ones": Setting("last", 2, True, 0, 0.1, shared_ridge=0.2),
    "revin": Setting("revin", 2, False, 0, 0.1),
}


def stretches(n_long: int = 40) -> list[ObservedSeries]:
    """Return stretches of single channels, one for each."""
    return [stretch(n, [c]) for n, c in ((30, 0), (n_long, 1), (50, 2), (17, 3), (25, 4))]


def weighted(one: ObservedSeries, weight: float) -> ObservedSeries:
    return replace(one, weight=torch.full((one.n_rows, 1), weight, dtype=torch.float64))


def solve(series: Sequence[ObservedSeries], setting: Setting) -> ExactSolution:
    search = SearchSpace((setting.norm,), (2, N_CHANNELS), pooled=True)
    problem = Problem(L, H, search=search, n_channels=N_CHANNELS)
    return DataSplit(problem, series, ExactOptions(), None, "").solve(setting)


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_a_weight_of_two_is_a_series_given_twice(setting: Setting) -> None:
    series = stretches()
    found = solve(
        [weighted(one, 2.0 if n in (1, 3) else 1.0) for n, one in enumerate(series)], setting
    )
    expected = solve([*series, series[1], series[3]], setting)
    torch.testing.assert_close(found.weights.weight, expected.weights.weight)
    torch.testing.assert_close(found.mixing.abs(), expected.mixing.abs())


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_a_weight_of_zero_is_a_series_too_short_for_a_window(setting: Setting) -> None:
    series = stretches()
    found = solve([weighted(one, float(n != 2)) for n, one in enumerate(series)], setting)
    others = [one for n, one in enumerate(series) if n != 2]
    expected = solve([*others, series[2].rows(0, WIDTH - 1)], setting)
    known = [0, 1, 3, 4]
    for one, other in zip(
        found.weights.of_channels(found.mixing[known]),
        expected.weights.of_channels(expected.mixing[known]),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_weights_of_windows_are_those_of_a_loop(setting: Setting) -> None:
    """A window that counts three times is given three times, as a stretch of its own."""
    series = [stretch(12, [0]), stretch(9, [1]), stretch(14, [4])]
    counts = [torch.arange(one.n_rows) % 3 != 1 for one in series]
    found = solve(
        [replace(one, counts=some) for one, some in zip(series, counts, strict=True)], setting
    )
    alone = [
        one.rows(t, t + WIDTH)
        for one, some in zip(series, counts, strict=True)
        for t in range(one.n_rows - WIDTH + 1)
        if some[t]
    ]
    # in the units of all rows
    problem = Problem(
        L,
        H,
        search=SearchSpace((setting.norm,), (2, N_CHANNELS), pooled=True),
        n_channels=N_CHANNELS,
    )
    split = DataSplit(problem, alone, ExactOptions(), None, "", units=found.units)
    expected = split.solve(setting)
    torch.testing.assert_close(found.weights.weight, expected.weights.weight)


def test_are_those_of_the_rows_forecast() -> None:
    one = stretch(9, [0, 1])
    rows = torch.tensor([1.0, 3.0]) * 0.5 ** torch.arange(9.0)[:, None].double()
    (found,) = window_weights([replace(one, weight=rows)], LAYOUT)
    assert found.shape == (4, 2)
    torch.testing.assert_close(found / found[0, 0], rows[L : L + 4] / rows[L, 0])
    assert window_weights([one], LAYOUT) is None


def test_what_falls_exponentially_is_the_same_for_every_step() -> None:
    """The minimum is that of weighted least squares of each step alone."""
    rows = 0.9 ** torch.arange(40.0).double().flip(0)[:, None]
    one = stretch(40, [0])
    setting = Setting("last", 0, False, 0, 1e-12)
    problem = Problem(L, H, search=SearchSpace(("last",), (0,)), n_channels=1)
    split = DataSplit(problem, [replace(one, weight=rows)], ExactOptions(), None, "")
    weight = split.solve(setting).weights.weight[0]
    windows = split.series[0].target[:, 0].unfold(0, WIDTH, 1)
    windows = windows - windows[:, L - 1 : L]
    x = torch.cat([windows[:, : L - 1], torch.ones(len(windows), 1).double()], dim=1)
    for h in range(H):
        root = rows[L + h : L + h + len(windows)].sqrt()
        expected = torch.linalg.lstsq(x * root, windows[:, L + h : L + h + 1] * root).solution[:, 0]
        found = torch.cat([weight[h, : L - 1], weight[h, L:]])
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("rows", "n_future", "words"),
    [
        (torch.arange(1.0, 21.0), 0, "steps of a window count differently"),
        (0.9 ** torch.arange(20.0), 1, "later steps count differently, which share future"),
    ],
)
def test_what_has_no_closed_form_is_told(rows: torch.Tensor, n_future: int, words: str) -> None:
    series = [replace(stretch(20, [0], n_future=n_future), weight=rows[:, None].double())]
    assert words in weights_obstacle(series, LAYOUT)
    with pytest.raises(ValueError, match=f"windows of their own: sample weights .*{words}"):
        window_weights(series, LAYOUT)


def test_weights_of_zero_alone_are_told() -> None:
    problem = Problem(L, H, n_channels=1)
    with pytest.raises(ValueError, match="sample weights of all windows are zero"):
        solve_exact(problem, [weighted(stretch(30, [0]), 0.0)])


def test_settings_are_compared_on_windows_that_all_count_the_same() -> None:
    series = [stretch(60, [0]), stretch(60, [1])]
    problem = Problem(L, H, search=SearchSpace(("last",), (0,)), n_channels=2)
    options = ExactOptions(ridge=0.1)
    validation = [stretch(30, [0]), stretch(30, [1])]
    one, other = (
        solve_exact(problem, series, some, options).compared[0].validation_mse
        for some in (validation, [weighted(validation[0], 5.0), weighted(validation[1], 0.1)])
    )
    assert one == other

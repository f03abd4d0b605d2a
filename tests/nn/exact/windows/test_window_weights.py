"""Weights of windows of channels that each have their own."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from own_windows_cases import N_CHANNELS, stretch

from hyperforecast.nn.exact import (
    Combination,
    ExactOptions,
    ExactSolution,
    ObservedSeries,
    Problem,
    SearchSpace,
    Setting,
    WindowLayout,
    choose_search_space,
    solve_exact,
)
from hyperforecast.nn.exact.settings.frame import Frame
from hyperforecast.nn.exact.splits.data_split import DataSplit, training_units
from hyperforecast.nn.exact.splits.weighted_split import WeightedSplit
from hyperforecast.nn.exact.windows.window_weights import steps_have_own_weights, window_weights

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


LINEAR = torch.arange(1.0, 51.0).double()[:, None]
EXPONENTIAL = 0.9 ** LINEAR.flip(0)


@pytest.mark.parametrize(
    ("rows", "n_future", "differ"),
    [
        (torch.ones(50, 1).double(), 1, False),
        (EXPONENTIAL, 0, False),
        (EXPONENTIAL, 1, True),
        (LINEAR, 0, True),
        ((torch.arange(50) % 3 == 1).double()[:, None], 0, True),
    ],
)
def test_steps_have_weights_of_their_own(rows: torch.Tensor, n_future: int, differ: bool) -> None:
    one = stretch(50, [0], n_future=n_future)
    assert steps_have_own_weights([replace(one, weight=rows)], LAYOUT) == differ
    assert not steps_have_own_weights([one], LAYOUT)


def written_out(
    series: Sequence[ObservedSeries], solution: ExactSolution, layout: WindowLayout
) -> tuple[torch.Tensor, torch.Tensor]:
    """Least squares with a row for every window, channel and step, in the solution's units."""
    rows, targets, roots = [], [], []
    mixing, horizon = solution.mixing, layout.horizon
    for one in solution.units.standardise_all(series):
        for column, channel in enumerate(one.numbers.tolist()):
            for t in range(one.n_rows - layout.width + 1):
                window = one.target[t : t + layout.width, column]
                level = {"none": 0.0, "last": window[layout.lookback - 1]}[layout.norm]
                lags = window[: layout.lookback] - level
                others = [] if one.past is None else [one.past[t : t + layout.lookback].flatten()]
                static = [] if one.static is None else [one.static[column]]
                x = torch.cat([lags, *others, *static, torch.ones(1).double()])
                own = torch.outer(mixing[channel], x).flatten()
                for h in range(horizon):
                    row = layout.width - horizon + h
                    place = own.new_zeros(horizon, len(own))
                    place[h] = own
                    z = own.new_zeros(0) if one.future is None else one.future[t + row]
                    rows.append(
                        torch.cat([place.flatten(), torch.outer(mixing[channel], z).flatten()])
                    )
                    targets.append(window[row] - level)
                    assert one.weight is not None
                    roots.append(one.weight[t + row, min(column, one.weight.shape[1] - 1)].sqrt())
    matrix, root = torch.stack(rows), torch.stack(roots)
    solved = torch.linalg.lstsq(
        matrix * root[:, None], (torch.stack(targets) * root)[:, None], driver="gelsd"
    ).solution[:, 0]
    n_bases = mixing.shape[1]
    n_own = horizon * n_bases * len(x)
    weight = solved[:n_own].view(horizon, n_bases, len(x)).transpose(0, 1)
    return weight, solved[n_own:].view(n_bases, -1)


@pytest.mark.parametrize("kinds", [{}, {"n_past": 1, "n_future": 2}], ids=["alone", "covariates"])
@pytest.mark.parametrize("kind", ["shared", "generated", "one each"])
@pytest.mark.parametrize("make", ["linear", "exponential", "by column"])
def test_equal_weighted_least_squares_of_all_windows(
    make: str, kind: str, kinds: dict[str, int]
) -> None:
    """Of stretches of two channels, of several lengths."""
    parts = [(30, [0, 3]), (50, [1, 4]), (35, [2, 0]), (41, [3, 4])]
    series = [stretch(n, channels, **kinds) for n, channels in parts]
    weights = {
        "linear": [LINEAR[-one.n_rows :] for one in series],
        "exponential": [EXPONENTIAL[-one.n_rows :] for one in series],
        "by column": [torch.rand_like(one.target) for one in series],
    }
    given = [replace(one, weight=w) for one, w in zip(series, weights[make], strict=True)]
    settings = {
        "shared": Setting("last", 0, False, 0, 1e-13),
        "generated": Setting("none", 2, False, 0, 1e-13),
        "one each": Setting("none", N_CHANNELS, True, 0, 1e-13),
    }
    setting = settings[kind]
    layout = WindowLayout(L, H, 1, setting.norm)
    problem = Problem(L, H, 1, n_channels=N_CHANNELS)
    solution = solve_exact(problem, given, combination=Combination.alone(setting))
    weight, future = written_out(given, solution, layout)
    found = solution.weights.weight.clone()
    if setting.norm == "last":  # which sees nothing of the last lag
        found[..., L - 1] = weight[..., L - 1] = 0.0
    torch.testing.assert_close(found, weight, rtol=1e-7, atol=1e-8)
    torch.testing.assert_close(solution.weights.future, future, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("norm", ["none", "mean", "revin"])
@pytest.mark.parametrize("dim", [0, 2, 3])
def test_of_channels_that_have_the_same_windows_are_those_of_these(norm: str, dim: int) -> None:
    one = stretch(50, [0, 1, 2], n_past=1, n_future=1, n_static=2)
    one = replace(one, weight=LINEAR * torch.tensor([1.0, 2.0, 0.5]))
    setting = Setting(norm, dim, dim == 3, 0, 0.1, embedding_start="own ridge weights")
    vectors = torch.randn(3, dim, dtype=torch.float64)
    weights = []
    for channels in (one.channels, None):
        problem = Problem(L, H, n_channels=None if channels is None else 3)
        units = training_units(problem, [replace(one, channels=channels)])
        frame = Frame(vectors, vectors[:, :0], units)
        given = [replace(one, channels=channels)]
        split = WeightedSplit(problem, given, ExactOptions(), None, "", frame)
        weights.append(split.regression(setting).solve(0.1))
    torch.testing.assert_close(weights[0].weight, weights[1].weight)
    torch.testing.assert_close(weights[0].future, weights[1].future)


def test_one_head_each_of_a_series_that_does_not_count_is_the_mean_of_the_others() -> None:
    series = [replace(stretch(50, [c]), weight=LINEAR * float(c != 1)) for c in range(3)]
    problem = Problem(L, H, n_channels=3)
    setting = Setting("none", 3, True, 0, 0.1)
    weight = solve_exact(problem, series, combination=Combination.alone(setting)).weights.weight
    torch.testing.assert_close(weight[1], weight[[0, 2]].mean(dim=0))


@pytest.mark.parametrize("n_future", [0, 1])
def test_what_is_chosen_by_default_counts_steps_as_they_do(n_future: int) -> None:
    series = [
        replace(stretch(50, [c], n_future=n_future), weight=LINEAR) for c in range(N_CHANNELS)
    ]
    search = choose_search_space(
        N_CHANNELS, "last", generated=True, lookback=L, pool=True, combine=True, own_windows=True
    )
    problem = Problem(L, H, search=search, n_channels=N_CHANNELS, quantiles=(0.1, 0.5, 0.9))
    solution = solve_exact(problem, series)
    assert len(solution.compared) > 1
    assert all(entry.validation_mse > 0 for entry in solution.compared)
    assert solution.residual_quantiles is not None
    again = solve_exact(problem, series, combination=solution.combination)
    torch.testing.assert_close(again.weights.weight, solution.weights.weight)


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

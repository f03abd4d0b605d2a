"""Residuals of windows that were not trained on, of channels that each have their own."""

from dataclasses import replace

import pytest
import torch
from own_windows_cases import N_CHANNELS, columns_of, stretch

from hyperforecast.nn.exact import (
    ExactOptions,
    ExactSolution,
    ObservedSeries,
    Problem,
    SearchSpace,
    Setting,
)
from hyperforecast.nn.exact.intervals import own_out_of_sample as module
from hyperforecast.nn.exact.intervals.own_out_of_sample import (
    own_held_out_residuals,
    own_leave_out_residuals,
)
from hyperforecast.nn.exact.splits.data_split import DataSplit

L, H = 4, 2
WIDTH = L + H

SETTINGS = {
    "generated": Setting("last", 2, False, 0, 0.1),
    "one each": Setting("last", N_CHANNELS, True, 0, 0.1),
    "drawn to generated ones": Setting("last", 2, True, 0, 0.1, shared_ridge=0.2),
    "without drift": Setting("last", 1, False, 0, 0.1, drift=False),
    "attributes": Setting("last", 1, False, 0, 0.1, attributed=True),
    "drawn to those of attributes": Setting(
        "last", 1, True, 0, 0.1, attributed=True, shared_ridge=0.2
    ),
    "revin": Setting("revin", 1, False, 0, 0.1),
}


def stretches(n_long: int = 40) -> list[ObservedSeries]:
    """Return stretches of single channels, the last but one of which has none."""
    parts = [(30, 0), (n_long, 1), (50, 0), (17, 1), (25, 4), (45, 2)]
    return [stretch(n_rows, [channel]) for n_rows, channel in parts]


def split_of(
    series: list[ObservedSeries],
    setting: Setting,
    training: DataSplit | None = None,
) -> DataSplit:
    attributes = torch.linspace(-1, 1, N_CHANNELS, dtype=torch.float64)[:, None]
    search = SearchSpace((setting.norm,), (1, 2, N_CHANNELS), pooled=True)
    problem = Problem(
        L,
        H,
        search=search,
        n_channels=N_CHANNELS,
        attributes=attributes if setting.attributed else None,
    )
    return DataSplit(problem, series, ExactOptions(), None, "", training)


def missed(split: DataSplit, solution: ExactSolution, setting: Setting, left) -> torch.Tensor:
    """Residuals of every window in the order of channels and stretches, by a loop.

    Parameters
    ----------
    left : callable
        Returns the rows of all series that are left for a window to be forecast by, and ``None``
        for those of the solution.
    """
    found: list[list[torch.Tensor]] = [[] for _ in range(N_CHANNELS)]
    for number, one in enumerate(split.series):
        for start in range(one.n_rows - WIDTH + 1):
            fitted, rest = solution, left(number, start)
            if rest is not None:
                fitted = split_of(rest, setting, _as_they_are(split)).solve(setting)
            for column, channel in enumerate(one.numbers.tolist()):
                weight, _ = fitted.weights.of_channels(fitted.mixing[channel : channel + 1])
                rows = one.target[start : start + WIDTH, column]
                level, deviation = rows[L - 1], torch.tensor(1.0).double()
                if setting.norm == "revin":
                    level = rows[:L].mean()
                    deviation = (rows[:L].var(correction=0) + 1e-5).sqrt()
                seen = torch.cat([(rows[:L] - level) / deviation, torch.ones(1).double()])
                found[channel].append((rows[L:] - level) / deviation - weight[0] @ seen)
    return torch.cat([torch.stack(one) for one in found if one])


def _as_they_are(split: DataSplit) -> DataSplit:
    """Return what splits of standardised rows stand on."""
    like = object.__new__(DataSplit)
    vars(like).update(vars(split) | {"units": split.units.of_standardised()})
    return like


@pytest.mark.parametrize(
    ("name", "weighted"), [*((name, False) for name in SETTINGS), ("generated", True)]
)
def test_each_window_is_forecast_by_a_fit_to_windows_beside_its_block(
    name: str, weighted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MANY_BLOCKS", 3)
    setting, series = SETTINGS[name], stretches()
    if weighted:
        falling = 0.95 ** torch.arange(50.0, dtype=torch.float64)[:, None]
        series = [replace(one, weight=falling[: one.n_rows]) for one in series]
    split = split_of(series, setting)
    solution = split.solve(setting)
    sample = own_leave_out_residuals(split, solution)
    counts = [one.n_rows - WIDTH + 1 for one in split.series]
    cuts = [[round(count * k / 3) for k in range(4)] for count in counts]

    def left(number: int, start: int) -> list[ObservedSeries]:
        k = sum(start >= cut for cut in cuts[number][1:3])
        parts = []
        for one, cut, count in zip(split.series, cuts, counts, strict=True):
            first, after = max(0, cut[k] - 1), min(count, cut[k + 1] + 1)  # the horizon's gap
            parts += [one.rows(0, first + WIDTH - 1), one.rows(after, one.n_rows)]
        return [part for part in parts if part.n_rows >= WIDTH]

    # blocks come one after the other, and within each the channels' stretches
    expected = missed(split, solution, setting, left)
    by_time = sample.residuals[sample.known.any(dim=2)]
    assert by_time.shape == expected.shape
    order = expected[:, 0].argsort()
    torch.testing.assert_close(by_time[by_time[:, 0].argsort()], expected[order])
    for channel in range(N_CHANNELS):
        n_windows = sum(one.n_rows - WIDTH + 1 for one, _ in columns_of(split.series, channel))
        assert sample.known[channel].any(dim=1).sum() == n_windows
        assert sample.counts[sample.channels == channel].sum() == n_windows


def test_columns_of_a_series_are_channels_of_their_own() -> None:
    setting = SETTINGS["one each"]
    series = [stretch(30, [0, 1]), stretch(20, [2, 3]), stretch(25, [0, 1])]
    apart = [
        replace(one, target=one.target[:, [n]], channels=one.numbers[[n]])
        for one in series
        for n in range(2)
    ]
    together, alone = (
        own_leave_out_residuals(split, split.solve(setting))
        for split in (split_of(series, setting), split_of(apart, setting))
    )
    torch.testing.assert_close(together.residuals, alone.residuals)
    assert sorted(together.counts.tolist()) == sorted(alone.counts.tolist())


def test_held_out_windows_are_forecast_by_the_solution() -> None:
    setting = SETTINGS["generated"]
    split = split_of(stretches(), setting)
    solution = split.solve(setting)
    others = split_of(stretches(n_long=60), setting, split)
    sample = own_held_out_residuals(others, solution)
    expected = missed(others, solution, setting, lambda number, start: None)
    torch.testing.assert_close(sample.residuals[sample.known.any(dim=2)], expected)


def test_variances_are_those_of_the_rows_before() -> None:
    setting = SETTINGS["generated"]
    split = split_of(stretches()[:1], setting)
    sample = own_held_out_residuals(split, split.solve(setting))
    assert sample.spans == (3, L)
    windows = split.series[0].target[:-H, 0].unfold(0, L, 1)
    for number, span in enumerate(sample.spans):
        expected = windows[:, -span:].var(dim=1, correction=0)
        torch.testing.assert_close(sample.variances[0, :, number], expected)
    assert sample.times[0].tolist() == list(range(len(windows)))


def test_missing_targets_have_none() -> None:
    setting = SETTINGS["generated"]
    series = stretches()
    gaps = torch.zeros_like(series[0].target, dtype=torch.bool)
    gaps[10] = True
    split = split_of([replace(series[0], gaps=gaps), *series[1:]], setting)
    sample = own_held_out_residuals(split, split.solve(setting))
    without = (~sample.known[0]).nonzero().tolist()
    first = 10 - L - H + 1
    assert [pair for pair in without if pair[0] < 25] == [[first, 1], [first + 1, 0]]
    assert not sample.residuals[~sample.known].any()


def test_many_windows_of_a_channel_are_a_share_of_each_stretch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_OF_CHANNEL", 20)
    setting = SETTINGS["generated"]
    split = split_of(stretches(), setting)
    sample = own_leave_out_residuals(split, split.solve(setting))
    n_taken = sample.known.any(dim=2).sum(dim=1)
    assert n_taken[0] == pytest.approx(20, abs=3)
    assert sample.counts[sample.channels == 0].tolist() == [30 - WIDTH + 1, 50 - WIDTH + 1]
    assert n_taken[3] == 0

"""Validation series, where none are given."""

from collections.abc import Sequence
from itertools import pairwise

from hyperforecast.nn.exact.settings.problem import Problem
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries, has_own_windows

LAST_FIFTH = 0.2
"""Part of the windows of short series that is held out."""

N_FOLDS = 4
"""Number of blocks of the windows of long series that are held out in turn."""

LONG = 4
"""Number of windows, in windows' widths, from which a series is long."""

Parts = tuple[list[ObservedSeries], list[ObservedSeries]]
"""Series to train on, and series to compare settings on."""


def hold_out(
    problem: Problem, series: Sequence[ObservedSeries], size: float | None = None
) -> list[Parts]:
    """Split each series by time: the targets of the two parts do not overlap.

    Parameters
    ----------
    problem : Problem
    series : sequence of ObservedSeries
    size : float, optional
        Part of each series' windows to hold out, the last ones; at least one. If not given, they
        are cut into four blocks that are held out in turn where all series are long and hold all
        channels, and no row or window has a weight; a fifth of them is held out where not.

    Returns
    -------
    list of (training, validation)
        For each block. What lies before and after it are two series to train on. Series too short
        for a window in both parts are used for training alone.
    """
    long = are_long(problem, series)
    # windows that have weights are visited one by one, for every block again; channels that have
    # windows of their own have units of all their rows
    alike = not (any(one.is_weighted for one in series) or has_own_windows(series))
    if size is None and long and alike:
        cuts = [number / N_FOLDS for number in range(N_FOLDS + 1)]
        return [_without_block(problem, series, *shares) for shares in pairwise(cuts)]
    return [_without_block(problem, series, 1 - (LAST_FIFTH if size is None else size), 1.0)]


def are_long(problem: Problem, series: Sequence[ObservedSeries]) -> bool:
    """Say whether every series has several times as many windows as a window has rows."""
    counts = [one.n_rows - problem.width + 1 for one in series]
    return min(counts, default=0) >= LONG * problem.width


def _without_block(
    problem: Problem, series: Sequence[ObservedSeries], begin: float, end: float
) -> Parts:
    """Hold out the windows from one share of them to another, and train on the others."""
    training, validation = [], []
    for one in series:
        n_windows = one.n_rows - problem.width + 1
        last = n_windows - round((1 - end) * n_windows)
        first = min(n_windows - round((1 - begin) * n_windows), last - 1)  # held-out window
        before = first + problem.lookback + problem.shift  # number of rows
        after = last - 1 + problem.horizon  # first row
        spans = [(0, before), (after, one.n_rows)]
        left = [one.rows(*span) for span in spans if span[1] - span[0] >= problem.width]
        if not left:
            if n_windows > 0:
                training.append(one)
            continue
        training += left
        validation.append(one.rows(first, last - 1 + problem.width))
    return training, validation

"""Validation series, where none are given."""

from collections.abc import Sequence

from hyperforecast.nn.exact.observed_series import ObservedSeries
from hyperforecast.nn.exact.problem import Problem


def hold_out(
    problem: Problem, series: Sequence[ObservedSeries], size: float
) -> tuple[list[ObservedSeries], list[ObservedSeries]]:
    """Split each series by time: the targets of the two parts do not overlap.

    Parameters
    ----------
    problem : Problem
    series : sequence of ObservedSeries
    size : float
        Part of each series' windows to hold out, the last ones; at least one.

    Returns
    -------
    training, validation : list of ObservedSeries
        Series too short for a window in both parts are used for training alone.
    """
    training, validation = [], []
    for one in series:
        n_windows = len(one.target) - problem.width + 1
        first = n_windows - max(1, round(size * n_windows))  # held-out window
        end = first + problem.lookback + problem.shift  # its target's first row
        if end < problem.width:
            if n_windows > 0:
                training.append(one)
            continue
        training.append(one.rows(0, end))
        validation.append(one.rows(first, len(one.target)))
    return training, validation

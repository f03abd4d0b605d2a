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
        first, end = held_out_rows(
            len(one.target), problem.lookback + problem.shift, problem.width, size
        )
        if end >= problem.width:
            training.append(one if end == len(one.target) else one.rows(0, end))
        if first < len(one.target):
            validation.append(one.rows(first, len(one.target)))
    return training, validation


def held_out_rows(n_rows: int, lookback_and_shift: int, width: int, size: float) -> tuple[int, int]:
    """Return the first row that held-out windows see, and the first one that they forecast.

    Parameters
    ----------
    n_rows : int
        Of a series.
    lookback_and_shift : int
        Rows of a window before those that it forecasts.
    width : int
        Rows of a window.
    size : float
        Part of the windows to hold out.

    Returns
    -------
    first, end : int
        Training takes the rows before ``end``. Of a series too short for a window in both parts
        nothing is held out: both are ``n_rows``.
    """
    n_windows = n_rows - width + 1
    first = n_windows - max(1, round(size * n_windows))
    end = first + lookback_and_shift
    return (first, end) if end >= width else (n_rows, n_rows)

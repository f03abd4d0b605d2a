"""Periods that the steps of an index suggest, or rows themselves; and places in time."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hyperforecast.automatic.season import DAY, season_of_frequency

DAYS_OF_WEEK = 7

ORIGIN = pd.Timestamp(0)
"""Time from which steps are counted."""

LEAST_OCCURRENCES = 3
"""How often a period has to fit into the longest series to be looked for."""

LEAST_CORRELATION = 0.2
"""Autocorrelation of the rows' differences at a lag, averaged over channels, from which on rows are
taken to repeat."""

ABOUT_AS_HIGH = 0.8
"""Part of the highest peak that a peak at a shorter lag has to reach."""


WIDTH_OF_PEAK = 1.25
"""How far lags may be from the first peak, as a factor, of which multiples choose one."""


def periods_of_frequency(frequency: Any) -> tuple[int, ...] | None:
    """Return the periods, in rows, that steps of an offset of pandas suggest.

    Day and week of steps shorter than a day, else the season of :func:`season_of_frequency`; none
    of other dates. ``None`` of numbers, which suggest nothing.
    """
    if not isinstance(frequency, pd.offsets.BaseOffset):
        return None
    season = season_of_frequency(frequency)
    if season is None or season < 2:
        return ()
    if isinstance(frequency, pd.offsets.Tick) and pd.Timedelta(frequency) < DAY:
        return season, DAYS_OF_WEEK * season
    return (season,)


def occurring(periods: Iterable[int], n_rows: int) -> tuple[int, ...]:
    """Return the periods that fit into rows often enough to be looked for."""
    return tuple(one for one in periods if LEAST_OCCURRENCES * one <= n_rows)


def period_of_rows(series: Sequence[np.ndarray]) -> int | None:
    """Return the period that the longest series repeats with, by its autocorrelation.

    The autocorrelation of the differences from row to row, averaged over channels, peaks at it and
    at its multiples: the shortest lag from two on at which a peak is about as high as any, and at
    least 0.2.

    Parameters
    ----------
    series : sequence of array, each of shape (T, C)
        NaN where a value is missing.
    """
    values = max(series, key=len)
    n_rows = len(values)
    longest = n_rows // LEAST_OCCURRENCES
    if longest < 3:
        return None
    changes = np.nan_to_num(np.diff(values.astype(float), axis=0))
    changes = changes - changes.mean(axis=0)
    spectrum = np.fft.rfft(changes, n=2 * n_rows, axis=0)
    lagged = np.fft.irfft(np.abs(spectrum) ** 2, axis=0)[: longest + 2]
    moves = lagged[0] > 0
    if not moves.any():
        return None
    # of sums over fewer and fewer rows
    share = (n_rows - 1 - np.arange(longest + 2)) / (n_rows - 1)
    correlation = (lagged[:, moves] / lagged[0, moves]).mean(axis=1) / share
    inner = correlation[1:-1]
    peaks = np.flatnonzero((inner > correlation[:-2]) & (inner >= correlation[2:])) + 1
    peaks = peaks[peaks >= 2]
    highest = correlation[peaks].max(initial=0.0)
    if highest < LEAST_CORRELATION:
        return None
    peaks = peaks[correlation[peaks] >= ABOUT_AS_HIGH * highest]
    # noise moves a peak: the multiples say more
    near = np.arange(max(2, int(peaks[0] / WIDTH_OF_PEAK)), int(peaks[0] * WIDTH_OF_PEAK) + 1)
    return int(max(near, key=lambda lag: correlation[lag : longest + 1 : lag].mean()))


def place_in_time(label: Any, step: Any) -> int:
    """Return how many steps a row lies after a fixed origin, the same in whatever series it is.

    Parameters
    ----------
    label : Timestamp, Period or int
        Of the row.
    step : offset or int
        From row to row.
    """
    if isinstance(label, pd.Period):
        return int(label.ordinal // label.freq.n)
    if not isinstance(label, pd.Timestamp):
        return int(label) // int(step)
    if isinstance(step, pd.offsets.Tick) and not isinstance(step, pd.offsets.Day):
        return int(label.value // pd.Timedelta(step).value)
    label = label.tz_localize(None)  # days begin by the clock on the wall, also in summer
    if isinstance(step, (pd.offsets.Day, pd.offsets.Week)):
        n_days = step.n * (DAYS_OF_WEEK if isinstance(step, pd.offsets.Week) else 1)
        return (label - ORIGIN).days // n_days
    if type(step) is pd.offsets.BusinessDay:  # of which there are too many to be counted out
        return int(np.busday_count(ORIGIN.date(), label.date()) // step.n)
    if label >= ORIGIN:
        return len(pd.date_range(ORIGIN, label, freq=step))
    return 1 - len(pd.date_range(label, ORIGIN, freq=step, inclusive="left"))

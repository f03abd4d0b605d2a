"""Arithmetic on regular time indices: whole numbers, periods and timestamps."""

from typing import Any

import numpy as np
import pandas as pd
from sktime.forecasting.base import ForecastingHorizon

_SHORTEST_MONTH = pd.Timedelta(days=28)


def find_frequency(index: pd.Index) -> Any:
    """Return the step of a regular index: 1 for whole numbers, else a pandas offset.

    Returns ``None`` where so few timestamps leave it open.
    """
    if isinstance(index, pd.PeriodIndex):
        return index.freq
    if isinstance(index, pd.DatetimeIndex):
        if index.freq is not None:
            return index.freq
        if len(index) >= 3:
            freq = pd.infer_freq(index)
            if freq is None:
                raise ValueError(irregular(index, "no single step leads from row to row"))
            return pd.tseries.frequencies.to_offset(freq)
        step = index[-1] - index[0]
        # two rows that lie further apart may be a month, or so many days
        known = len(index) == 2 and step < _SHORTEST_MONTH
        return pd.tseries.frequencies.to_offset(step) if known else None
    return 1


def check_regular(index: pd.Index, freq: Any) -> None:
    """Raise if ``index`` does not go on by one step of ``freq`` from row to row."""
    if len(index) < 2:
        return
    expected = following(index[0], len(index) - 1, freq)
    wrong = np.flatnonzero(np.asarray(index[1:] != expected))
    if len(wrong):
        at = wrong[0]
        step = "1" if isinstance(freq, int) else getattr(freq, "freqstr", freq)
        problem = f"after {index[at]} comes {index[at + 1]}, one step ({step}) on is {expected[at]}"
        raise ValueError(irregular(index, problem))


def irregular(index: pd.Index, problem: str) -> str:
    """Say what is wrong with an index, and what to do."""
    return (
        f"The time index is irregular: {problem} (rows {index[0]} to {index[-1]}). Expected a row "
        "for every step, in order. Bring the series to a regular frequency first, for example "
        "with pandas' `asfreq` and `interpolate`, or with `reset_index` if only order matters."
    )


def check_same_kind(new: pd.Index, known: pd.Index) -> None:
    """Raise if new rows are labelled by another kind of time than those known."""
    kinds = [_kind(index) for index in (new, known)]
    if kinds[0] != kinds[1]:
        raise ValueError(
            f"The new rows are labelled by {kinds[0]}, those seen before by {kinds[1]}. Give them "
            "the same kind of time index."
        )


def _kind(index: pd.Index) -> str:
    if isinstance(index, pd.DatetimeIndex):
        return f"timestamps of the time zone {index.tz}" if index.tz else "timestamps"
    if isinstance(index, pd.PeriodIndex):
        return f"periods of {index.freqstr}"
    return "numbers"


def following(last: Any, n: int, freq: Any) -> pd.Index:
    """Return the ``n`` labels that follow ``last``."""
    if isinstance(last, pd.Period):
        return pd.period_range(last, periods=n + 1, freq=freq)[1:]
    if isinstance(last, pd.Timestamp):
        return pd.date_range(last, periods=n + 1, freq=freq)[1:]
    return pd.Index(np.arange(last + 1, last + 1 + n))


def steps_ahead(fh: ForecastingHorizon, last: Any, freq: Any) -> np.ndarray:
    """Return how many steps after ``last`` each entry of a forecasting horizon lies."""
    values = fh.to_pandas()
    if fh.is_relative and pd.api.types.is_integer_dtype(values.dtype):
        return values.to_numpy()
    targets = pd.Index([last + value for value in values]) if fh.is_relative else values
    if not isinstance(last, (pd.Timestamp, pd.Period)):
        return targets.to_numpy() - last
    if isinstance(last, pd.Period) and isinstance(targets, pd.DatetimeIndex):
        targets = targets.to_period(freq)
    if isinstance(last, pd.Timestamp) and isinstance(targets, pd.PeriodIndex):
        targets = targets.to_timestamp()
    labels: pd.Index
    if isinstance(last, pd.Period):
        labels = pd.period_range(last, max(targets.max(), last), freq=freq)
    else:
        labels = pd.date_range(last, max(targets.max(), last), freq=freq)
    steps = labels.get_indexer(targets)
    if (steps < 1).any():
        raise ValueError(
            f"fh holds {targets[steps < 1][0]}, which is no whole number of steps after the last "
            f"row seen, {last} (one step is {getattr(freq, 'freqstr', freq)})."
        )
    return steps

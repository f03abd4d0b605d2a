"""Arithmetic on regular time indices: whole numbers, periods and timestamps."""

from typing import Any

import numpy as np
import pandas as pd
from sktime.forecasting.base import ForecastingHorizon

from hyperforecast.automatic.missing_rows import completed

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
                raise ValueError(irregular(index, _no_common_step(index)))
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


def _no_common_step(index: pd.DatetimeIndex) -> str:
    """Say which rows come twice, are out of order or missing."""
    steps = index[1:] - index[:-1]
    back = np.flatnonzero(steps <= pd.Timedelta(0))
    if len(back):
        return f"after {index[back[0]]} comes {index[back[0] + 1]}"
    regular = completed(index)
    if regular is not None:
        missing = regular.difference(index)
        return (
            f"{len(missing)} of {len(regular)} rows are missing, the first is {missing[0]}; "
            f"`asfreq({regular.freqstr!r})` puts them in as NaN"
        )
    leap = int(np.argmax(steps))
    return (
        f"rows are mostly {steps.to_series().mode().iloc[0]} apart, but after {index[leap]} comes "
        f"{index[leap + 1]}"
    )


def irregular(index: pd.Index, problem: str) -> str:
    """Say what is wrong with an index, and what to do."""
    return (
        f"The time index is irregular: {problem} (rows {index[0]} to {index[-1]}). Expected a row "
        "for every step, once and in order. Bring the series to a regular frequency first, for "
        "example with pandas' `asfreq`, which leaves rows that are missing as NaN, or with "
        "`reset_index` if only order matters."
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


def labels_at(last: Any, steps: np.ndarray, freq: Any) -> pd.Index:
    """Return the labels so many ``steps`` after ``last``, or before it where they are negative.

    Labels that follow one another carry their frequency.
    """
    if not isinstance(last, (pd.Timestamp, pd.Period)):
        return pd.Index(last + steps)
    begin, end = int(steps.min()), int(steps.max()) + 1
    labels: Any
    if begin > 0:
        labels = following(last, end - 1, freq)[begin - 1 :]
    else:
        to_last: Any = pd.period_range if isinstance(last, pd.Period) else pd.date_range
        labels = to_last(end=last, periods=1 - begin, freq=freq)
        labels = labels.union(following(last, end - 1, freq)) if end > 1 else labels[: end - begin]
    in_a_row = len(steps) == end - begin and (np.diff(steps) == 1).all()
    return labels if in_a_row else labels[steps - begin]


def steps_ahead(fh: ForecastingHorizon, last: Any, freq: Any) -> np.ndarray:
    """Return how many steps after ``last`` each entry of a forecasting horizon lies.

    Those of rows up to ``last`` are zero and less. Periods stand for the one row that lies in each.
    """
    values = fh.to_pandas()
    if fh.is_relative and pd.api.types.is_integer_dtype(values.dtype):
        return values.to_numpy()
    targets = pd.Index([last + value for value in values]) if fh.is_relative else values
    _check_comparable(targets, last)
    if not isinstance(last, (pd.Timestamp, pd.Period)):
        return targets.to_numpy() - last
    labels: Any
    if isinstance(last, pd.Period):
        if isinstance(targets, pd.DatetimeIndex):
            targets = targets.to_period(freq)
        labels = pd.period_range(min(targets.min(), last), max(targets.max(), last), freq=freq)
        here = int(labels.get_indexer([last])[0])
    else:
        labels, here = _around(last, targets, freq)
        if isinstance(targets, pd.PeriodIndex):
            labels = labels.tz_localize(None).to_period(targets.freq)
    positions = labels.get_indexer_for(targets) if labels.is_unique else np.array([-1])
    if len(positions) != len(targets) or (positions < 0).any():
        raise ValueError(_no_single_rows(targets, labels, last, freq))
    return positions - here


def _around(last: pd.Timestamp, targets: pd.Index, freq: Any) -> tuple[pd.DatetimeIndex, int]:
    """Return the times from before the first target to the final one, and where ``last`` is."""
    first, final = targets.min(), targets.max()
    if isinstance(targets, pd.PeriodIndex):
        first, final = (at.tz_localize(last.tz) for at in (first.start_time, final.end_time))
    n_before = len(pd.date_range(first, last, freq=freq))
    before = pd.date_range(end=last, periods=n_before + 1, freq=freq)
    return before.union(pd.date_range(last, max(final, last), freq=freq)), n_before


def _check_comparable(targets: pd.Index, last: Any) -> None:
    """Raise if a forecasting horizon is labelled by another kind of time than the rows."""
    rows = pd.Index([last])
    times = (pd.DatetimeIndex, pd.PeriodIndex)
    alike = isinstance(targets, times) == isinstance(rows, times)
    if alike and isinstance(targets, pd.DatetimeIndex) and isinstance(rows, pd.DatetimeIndex):
        alike = (targets.tz is None) == (rows.tz is None)
    if not alike:
        raise ValueError(
            f"fh is labelled by {_kind(targets)}, the rows by {_kind(rows)}. Give steps ahead, "
            "such as fh=[1, 2, 3], or labels of the same kind as the rows."
        )


def _no_single_rows(targets: pd.Index, labels: pd.Index, last: Any, freq: Any) -> str:
    """Say which target of a forecasting horizon is no row, or holds several."""
    step = f"(one step is {getattr(freq, 'freqstr', freq)})"
    for target in targets:
        n_rows = (labels == target).sum()
        if n_rows > 1:
            return (
                f"fh holds {target}, in which {n_rows} rows lie {step}. Give a label of each row, "
                "or steps ahead, such as fh=[1, 2, 3]."
            )
        if n_rows == 0:
            break
    return (
        f"fh holds {target}, which is no whole number of steps from the last row seen, {last} "
        f"{step}."
    )

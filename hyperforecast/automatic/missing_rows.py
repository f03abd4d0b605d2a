"""Rows that are left out of a regular time index."""

import pandas as pd

MOST_MISSING_ROWS = 0.1
"""Share of the rows that may be missing between regular dates."""


def completed(dates: pd.DatetimeIndex) -> pd.DatetimeIndex | None:
    """Return dates with those that are left out between them; ``None`` if there are too many.

    Business days are tried where every day of the week would leave too many out.

    Parameters
    ----------
    dates : DatetimeIndex
        Ascending, at least three.
    """
    freq = pd.infer_freq(dates)
    if freq is not None:
        return pd.DatetimeIndex(dates, freq=freq)
    steps = dates.to_series().diff()
    usual = steps.median()
    n_most = len(dates) / (1 - MOST_MISSING_ROWS)
    # months differ in length, by less than the half
    if not usual > pd.Timedelta(0) or (dates[-1] - dates[0]) / usual > 1.5 * n_most:
        return None
    stretch = (steps > 1.5 * usual).cumsum()  # without a leap
    longest = dates[stretch == stretch.mode().iloc[0]]
    step = (len(longest) >= 3 and pd.infer_freq(longest)) or usual
    for one in (step, "B"):
        found = pd.date_range(dates[0], dates[-1], freq=one, name=dates.name)
        if len(found) <= n_most and dates.is_unique and dates.isin(found).all():
            return found
    return None

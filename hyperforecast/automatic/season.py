"""The season that a naive forecast repeats."""

from typing import Any

import pandas as pd

SEASONS = {"D": 7, "B": 5, "W": 52, "M": 12, "Q": 4}
"""Rows of a season, by the first letter of pandas' frequency: a week of days, else a year."""

DAY = pd.Timedelta(days=1)


def season_of(index: pd.Index) -> int | None:
    """Return the usual season of regular dates in rows, if they have one.

    A day for steps of less than one, a week for days, a year for weeks, months and quarters.
    """
    return season_of_frequency(getattr(index, "freq", None))


def season_of_frequency(frequency: Any) -> int | None:
    """Return the usual season of steps of an offset of pandas in rows, if they have one."""
    if not isinstance(frequency, pd.offsets.BaseOffset):
        return None
    if frequency.name[0] in SEASONS and frequency.n == 1:
        return SEASONS[frequency.name[0]]
    if isinstance(frequency, pd.offsets.Tick) and pd.Timedelta(frequency) < DAY:
        rows = DAY / pd.Timedelta(frequency)
        return int(rows) if rows.is_integer() else None
    return None

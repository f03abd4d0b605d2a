"""The season that a naive forecast repeats."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pandas as pd

SEASONS: Mapping[type[pd.offsets.BaseOffset], int] = MappingProxyType(
    {
        pd.offsets.Day: 7,
        pd.offsets.BusinessDay: 5,
        pd.offsets.Week: 52,
        **dict.fromkeys(
            (
                pd.offsets.MonthBegin,
                pd.offsets.MonthEnd,
                pd.offsets.BusinessMonthBegin,
                pd.offsets.BusinessMonthEnd,
                pd.offsets.WeekOfMonth,
                pd.offsets.LastWeekOfMonth,
            ),
            12,
        ),
        **dict.fromkeys(
            (
                pd.offsets.QuarterBegin,
                pd.offsets.QuarterEnd,
                pd.offsets.BQuarterBegin,
                pd.offsets.BQuarterEnd,
            ),
            4,
        ),
    }
)
"""Rows of a season, by the kind of step: a week of days, else a year."""

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
    if type(frequency) in SEASONS and frequency.n == 1:
        return SEASONS[type(frequency)]
    if isinstance(frequency, pd.offsets.Tick) and pd.Timedelta(frequency) < DAY:
        rows = DAY / pd.Timedelta(frequency)
        return int(rows) if rows.is_integer() else None
    return None

"""Channels standardised by their training rows, and back."""

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from darts import TimeSeries


def to_darts(data: pd.DataFrame, training: pd.DataFrame) -> "TimeSeries":
    """Standardise channels by the training rows, as the sktime forecasters do themselves."""
    from darts import TimeSeries

    scaled = (data - training.mean()) / deviation(training)
    scaled.index = _times(data.index)
    return TimeSeries.from_dataframe(scaled.set_axis([str(c) for c in data.columns], axis=1))


def _times(index: pd.Index) -> pd.Index:
    """Return an index as Darts has it: timestamps without a zone for periods and for any zone.

    They are those of the clock on the wall, but where it was put forward or back between rows.
    """
    if isinstance(index, pd.PeriodIndex):
        return index.to_timestamp()
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None:
        return index
    on_the_wall = index.tz_localize(None)
    regular = len(index) < 3 or pd.infer_freq(on_the_wall) is not None
    return on_the_wall if regular else index.tz_convert("UTC").tz_localize(None)


def from_darts(series: "TimeSeries", training: pd.DataFrame) -> pd.DataFrame:
    """Bring a forecast back into the units of the data."""
    values = series.values() * deviation(training).to_numpy() + training.mean().to_numpy()
    return pd.DataFrame(values, index=series.time_index, columns=training.columns)


def deviation(training: pd.DataFrame) -> pd.Series:
    """Return the population deviation of every channel; 1 where it is constant."""
    return training.std(ddof=0).where(lambda found: found > 0, 1.0)

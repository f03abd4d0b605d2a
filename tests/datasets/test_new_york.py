"""The table of New York's airports."""

import numpy as np
import pandas as pd
import pytest

from hyperforecast.datasets import load_new_york
from hyperforecast.datasets.new_york import PATH


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return load_new_york()


def test_a_year_of_hours_without_gaps(table: pd.DataFrame) -> None:
    assert table.shape == (8730, 47)
    assert np.isfinite(table.to_numpy()).all()
    assert table.index.freqstr == "h"
    assert [str(table.index[i]) for i in (0, -1)] == ["2013-01-01 01:00:00", "2013-12-30 18:00:00"]
    assert PATH.stat().st_size < 2**20


def test_the_channels(table: pd.DataFrame) -> None:
    words = table.columns.str.split(" ", n=1)
    assert set(words.str[0]) == {"EWR", "JFK", "LGA"}
    departures = table.columns.str.contains("departures")
    assert departures.sum() == 23
    measured = words.str[1][~departures].value_counts()
    assert len(measured) == 8
    assert (measured == 3).all()


def test_values_of_the_source(table: pd.DataFrame) -> None:
    first = table.loc["2013-01-01 01:00"]
    assert (first["EWR temperature"], first["LGA pressure"]) == (39.02, 1011.9)
    winds = table.loc[:, table.columns.str.endswith("wind speed")]
    assert winds.to_numpy().max() < 50  # the reading of 1,048 is not there
    # 336,776 flights, of which 8,255 did not leave and small airlines are left out
    flights = table.loc[:, table.columns.str.contains("departures")]
    assert 300_000 < flights.to_numpy().sum() < 328_521
    # standard time all year: the day's flights begin an hour earlier in July than in January
    hourly = flights.sum(axis=1).groupby([flights.index.month, flights.index.hour]).mean()
    assert hourly[1].gt(30).idxmax() == 6
    assert hourly[7].gt(30).idxmax() == 5

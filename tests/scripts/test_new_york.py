"""How the table of New York's airports is made from its source."""

import numpy as np
import pandas as pd
import pytest

from scripts.new_york import departures, fill, gaps, weather_table


def flight(scheduled: str, minute: int, delay: float, airline: str = "UA") -> dict[str, object]:
    return {
        "origin": "EWR",
        "carrier": airline,
        "flight": 1,
        "time_hour": scheduled,
        "minute": minute,
        "dep_time": np.nan if np.isnan(delay) else 100.0,
        "dep_delay": delay,
    }


def test_flights_are_counted_when_they_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.new_york.LEAST_FLIGHTS", 1)
    flights = pd.DataFrame(
        [
            flight("2013-01-02T04:00:00Z", 55, 10),  # 23:55 Eastern, after midnight
            flight("2013-01-02T05:00:00Z", 0, -5),  # before it
            flight("2013-01-02T05:00:00Z", 30, 0),
            flight("2013-01-02T05:00:00Z", 30, np.nan),  # never
            flight("2013-01-02T05:00:00Z", 30, 0, "XX"),  # one flight a year
        ]
    )
    hours = pd.date_range("2013-01-01 22:00", periods=4, freq="h")
    counted = departures(flights, hours)
    assert counted.columns.tolist() == ["EWR departures UA"]
    assert counted["EWR departures UA"].tolist() == [0, 1, 2, 0]


def test_gaps_of_directions_are_filled_on_the_circle() -> None:
    hours = pd.date_range("2013-01-01", periods=5, freq="h")
    table = pd.DataFrame(
        {
            "EWR wind direction": [350.0, np.nan, np.nan, np.nan, 30.0],
            "EWR pressure": [1000.0, np.nan, 1010.0, 1010.0, 1010.0],
        },
        index=hours,
    )
    filled = fill(table)
    assert filled["EWR wind direction"].tolist() == [350.0, 0.0, 10.0, 20.0, 30.0]
    assert filled["EWR pressure"].tolist() == [1000.0, 1005.0, 1010.0, 1010.0, 1010.0]
    counted = gaps(table)
    assert counted.loc["wind direction"].tolist() == [3, 3]
    assert counted.loc["pressure"].tolist() == [1, 1]


def test_missing_hours_and_wrong_winds_are_gaps() -> None:
    columns = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"]
    weather = pd.DataFrame(
        [[1.0] * 8, [2.0] * 4 + [1048.4] + [2.0] * 3],
        columns=columns,
    ).assign(origin="EWR", time_hour=["2013-01-01T06:00:00Z", "2013-01-01T08:00:00Z"])
    table = weather_table(weather)
    assert [str(hour) for hour in table.index] == [
        "2013-01-01 01:00:00",
        "2013-01-01 02:00:00",
        "2013-01-01 03:00:00",
    ]
    assert table["EWR temperature"].tolist()[::2] == [1.0, 2.0]
    assert table.iloc[1].isna().all()
    assert table["EWR wind speed"].isna().tolist() == [False, True, True]

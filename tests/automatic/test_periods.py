"""Periods and places in time, against calendars and made rows."""

import numpy as np
import pandas as pd
import pytest

from hyperforecast.automatic import (
    occurring,
    period_of_rows,
    periods_of_frequency,
    place_in_time,
)


@pytest.mark.parametrize(
    ("freq", "periods"),
    [
        ("h", (24, 168)),
        ("15min", (96, 672)),
        ("7min", ()),
        ("D", (7,)),
        ("B", (5,)),
        ("MS", (12,)),
        ("QS", (4,)),
        ("YS", ()),
    ],
)
def test_periods_of_dates(freq: str, periods: tuple[int, ...]) -> None:
    assert periods_of_frequency(pd.tseries.frequencies.to_offset(freq)) == periods


def test_numbers_suggest_nothing() -> None:
    assert periods_of_frequency(1) is None
    assert occurring((24, 168), 200) == (24,)


@pytest.mark.parametrize("freq", ["15min", "h", "3h", "D", "B", "W-WED", "MS", "ME", "2MS", "QS"])
@pytest.mark.parametrize("start", ["1968-03-05", "2020-02-29 07:00"])
def test_places_go_on_from_row_to_row(freq: str, start: str) -> None:
    index = pd.date_range(start, periods=400, freq=freq)
    places = [place_in_time(index[row], index.freq) for row in (0, 1, 250, 399)]
    assert np.diff(places).tolist() == [1, 249, 149]


@pytest.mark.parametrize("freq", ["D", "W", "2D", "h"])
@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York", "Pacific/Auckland"])
def test_places_go_on_through_summer_time(freq: str, zone: str) -> None:
    index = pd.date_range("2023-09-03", periods=400, freq=freq, tz=zone)
    places = [place_in_time(label, index.freq) for label in index]
    assert np.diff(places).tolist() == [1] * 399


def test_places_of_a_time_are_the_same_in_every_index() -> None:
    hour = pd.tseries.frequencies.to_offset("h")
    time = pd.Timestamp("2024-05-01 06:00")
    assert place_in_time(time, hour) % 24 == 6
    assert place_in_time(time.tz_localize("UTC").tz_convert("Asia/Tokyo"), hour) % 24 == 6
    assert place_in_time(pd.Period("2024-05-01 06:00", "h"), hour) == place_in_time(time, hour)
    assert place_in_time(pd.Period("2024-05", "M"), None) % 12 == 4
    assert place_in_time(pd.Period("2024-05-01 06:00", "3h"), None) % 8 == 2
    assert [place_in_time(label, 2) for label in (-3, -1, 1, 3)] == [-2, -1, 0, 1]


def test_the_period_of_rows() -> None:
    random = np.random.default_rng(0)
    steps = np.arange(400)
    waves = np.stack([np.sin(2 * np.pi * steps / 13), np.full(400, 3.0)], axis=1)
    noisy = waves + np.array([0.2, 0.0]) * random.normal(size=(400, 2))
    noisy[50:60] = np.nan
    assert period_of_rows([noisy[:20], noisy]) == 13
    assert period_of_rows([random.normal(size=(400, 2))]) is None
    assert period_of_rows([np.ones((400, 1))]) is None
    assert period_of_rows([noisy[:5]]) is None

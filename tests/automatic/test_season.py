"""The season of dates."""

import pandas as pd
import pytest

from hyperforecast.automatic.season import season_of


@pytest.mark.parametrize(
    ("frequency", "rows"),
    [
        ("15min", 96),
        ("h", 24),
        ("D", 7),
        ("B", 5),
        ("W-WED", 52),
        ("MS", 12),
        ("BMS", 12),
        ("BME", 12),
        ("WOM-3FRI", 12),
        ("QE", 4),
        ("BQE", 4),
        ("YS", None),
        ("BYE", None),
        ("7h", None),
        ("2D", None),
    ],
)
def test_usual_seasons(frequency: str, rows: int | None) -> None:
    assert season_of(pd.date_range("2020-01-01", periods=4, freq=frequency)) == rows


def test_rows_that_are_counted_have_none() -> None:
    assert season_of(pd.RangeIndex(4)) is None

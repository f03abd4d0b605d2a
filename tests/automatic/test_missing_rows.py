"""Rows that are left out are found."""

import pandas as pd
import pytest

from hyperforecast.automatic.missing_rows import completed


@pytest.mark.parametrize("freq", ["s", "D", "B", "W-TUE", "MS", "ME", "QS-OCT", "YE-DEC"])
@pytest.mark.parametrize("left_out", [[], [7], [30, 31, 50]])
def test_rows_that_are_left_out_are_put_in(freq: str, left_out: list[int]) -> None:
    dates = pd.date_range("2000-02-29", periods=60, freq=freq, name="when")
    found = completed(dates.delete(left_out)._with_freq(None))
    assert found is not None
    pd.testing.assert_index_equal(found, dates)
    assert found.freqstr == dates.freqstr


def test_dates_without_a_step_have_none() -> None:
    dates = pd.date_range("2000-01-01", periods=60, freq="h")
    assert completed(dates[[*range(30), *range(40, 60)]]) is None  # too many
    assert completed(dates.append(dates[-1:])) is None
    assert completed(dates[:1].append(dates + pd.Timedelta(days=9000))) is None
    assert completed(pd.DatetimeIndex(["2000-01-01"] * 9)) is None
    assert completed(dates + pd.to_timedelta([i % 3 for i in range(60)], unit="min")) is None

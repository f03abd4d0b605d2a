"""Naive forecasts as linear maps."""

import numpy as np
import pytest

from hyperforecast.darts.automatic.naive import naive_map


def test_the_last_value_stays() -> None:
    assert naive_map("last value", 3, 2).tolist() == [[0, 0, 1], [0, 0, 1]]


@pytest.mark.parametrize(("horizon", "shift"), [(7, 0), (4, 2), (2, 5)])
def test_the_last_season_is_repeated(horizon: int, shift: int) -> None:
    values = np.arange(6.0)  # of which 3, 4, 5 are the last season
    expected = [3.0 + step % 3 for step in range(shift, shift + horizon)]
    found = naive_map("seasonal naive", 6, horizon, season=3, shift=shift) @ values
    assert found.tolist() == expected


def test_a_drift_is_added_to_the_last_value() -> None:
    assert (naive_map("drift", 4, 3) == naive_map("last value", 4, 3)).all()

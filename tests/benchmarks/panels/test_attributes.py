"""Errors of the benchmark of series never seen, by hand."""

import numpy as np
import pytest
from darts import TimeSeries

from benchmarks.panels import attributes


def test_errors_are_those_of_all_windows_of_the_last_rows() -> None:
    rows = np.arange(20.0)[:, None] ** 1.5
    series = [TimeSeries.from_values(rows)]
    naive = attributes.seasonal_naive(series, n_test=6)
    assert len(naive[0]) == 3
    np.testing.assert_array_equal(naive[0][1], rows[11:15])
    missed = [np.abs(rows[14 + t : 18 + t] - rows[10 + t : 14 + t]).mean() for t in range(3)]
    scale = np.abs(rows[4:14] - rows[:10]).mean()
    assert attributes.errors(naive, series, 6, "MASE")[0] == pytest.approx(np.mean(missed) / scale)
    exact = [[rows[14 + t : 18 + t] + 2.0 for t in range(3)]]
    assert attributes.errors(exact, series, 6, "MSE")[0] == pytest.approx(4 / rows[:14].var())


def test_coefficients_of_made_series_follow_their_attributes() -> None:
    longest = max(attributes.made(0), key=len)
    kind, x = longest.static_covariates.iloc[0]
    values = longest.values()[:, 0] - longest.values().mean()
    lagged = np.stack([values[1:-1], values[:-2]], axis=1)
    found = np.linalg.lstsq(lagged, values[2:], rcond=None)[0]
    expected = np.add(attributes.KINDS[kind], x * np.array(attributes.BY_NUMBER))
    np.testing.assert_allclose(found, expected, atol=0.2)

"""Errors of windows against loops over them."""

import numpy as np
import pandas as pd
import pytest
from darts import TimeSeries

from hyperforecast.darts import BackboneModel
from hyperforecast.diagnosis.backtest import model_errors, naive_errors


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(60, 3)).cumsum(axis=0)


@pytest.mark.parametrize("season", [1, 4, 7])
def test_naive_errors(values: np.ndarray, season: int) -> None:
    first, horizon = 20, 5
    expected = []
    for row in range(first, len(values) - horizon + 1):
        forecast = [values[row - season + step % season] for step in range(horizon)]
        expected.append(np.square(values[row : row + horizon] - forecast).mean(axis=0))
    np.testing.assert_allclose(naive_errors(values, first, horizon, season), expected)


def test_model_errors(values: np.ndarray) -> None:
    series = TimeSeries.from_values(values)
    model = BackboneModel(6, 4, solver="exact").fit(series[:40])
    expected = [
        np.square(values[row : row + 4] - model.predict(4, series[:row]).values()).mean(axis=0)
        for row in range(40, 57)
    ]
    np.testing.assert_allclose(model_errors(model, series, 40), expected, rtol=1e-5)


def test_missing_values_count_for_nothing(values: np.ndarray) -> None:
    first, horizon = 20, 5
    expected = naive_errors(values, first, horizon, 1)  # (windows, C)
    values[np.ix_([33, 34, 47], [1])] = np.nan
    found = naive_errors(values, first, horizon, 1)
    np.testing.assert_allclose(found[:, [0, 2]], expected[:, [0, 2]])
    last = pd.Series(values[:, 1]).ffill().to_numpy()
    errors = [values[t : t + horizon, 1] - last[t - 1] for t in range(first, 60 - horizon + 1)]
    assert found[:, 1].mean() == pytest.approx(np.nanmean(np.square(errors)))

    series = TimeSeries.from_values(values)
    model = BackboneModel(6, 4, solver="exact").fit(series[:40])
    errors = [values[t : t + 4] - model.predict(4, series[:t]).values() for t in range(40, 57)]
    means = np.nanmean(np.square(errors), axis=(0, 1))
    np.testing.assert_allclose(model_errors(model, series, 40).mean(axis=0), means, rtol=1e-5)

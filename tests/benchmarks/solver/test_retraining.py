"""Backtests that train again at every step."""

import pytest
from darts.metrics import mse

from benchmarks.solver.fits import ONE_SETTING
from benchmarks.solver.retraining import backtest
from hyperforecast.darts import HNMVTSModel


def test_error_is_that_of_forecasts_made_one_by_one(dataset):
    series, n_steps, horizon = dataset.series("train"), 3, 4
    found = backtest(series, 8, horizon, 1, n_steps)
    errors = []
    for step in range(n_steps):
        n_rows = len(series) - (n_steps - step) * horizon
        model = HNMVTSModel(8, horizon, solver="exact", solver_kwargs=ONE_SETTING)
        forecast = model.fit(series[:n_rows]).predict(horizon)
        errors.append(mse(series, forecast))
    assert found == pytest.approx(sum(errors) / n_steps, rel=1e-4)

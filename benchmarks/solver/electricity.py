"""Electricity prices a day ahead, with the forecasts of load and wind that are known by then."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from darts import TimeSeries
from darts.models import LinearRegressionModel
from torch import Tensor, nn

from benchmarks.markdown import markdown
from benchmarks.protocol import Dataset, Errors, load, windows
from benchmarks.runs import RESULTS, Row, Run, complete
from benchmarks.timing import timed
from hyperforecast.darts import HNMVTSModel

ELECTRICITY = RESULTS / "solver_electricity.csv"

LOOKBACK, HORIZON = 168, 24

LONG = 672
"""A lookback of four weeks."""

MODELS: dict[str, dict[str, Any]] = {
    "seasonal naive, a day": {"period": 24},
    "seasonal naive, a week": {"period": 168},
    "exact, prices alone": {"lookback": LOOKBACK, "known": False},
    "exact": {"lookback": LOOKBACK},
    "exact, one setting alone": {"lookback": LOOKBACK, "combine": False},
    "exact, chosen on training rows": {"lookback": LOOKBACK, "held_out": True},
    "exact, four weeks": {"lookback": LONG},
    "Darts LinearRegressionModel": {"ordinary": True},
}


def electricity(names: Sequence[str], folder: str | None) -> None:
    """Make the table of electricity prices."""
    runs = [
        Run({"data": name, "model": label}, partial(_measure, name, folder, **options))
        for name, (label, options) in itertools.product(names, MODELS.items())
    ]
    rows = pd.DataFrame(complete(ELECTRICITY, runs))
    print(markdown(rows, digits=4))


def prices_and_known(dataset: Dataset) -> tuple[Dataset, Dataset]:
    """Split a data set into the price, its last channel, and what is known ahead."""
    return (
        replace(dataset, channels=dataset.channels[-1:], values=dataset.values[:, -1:]),
        replace(dataset, channels=dataset.channels[:-1], values=dataset.values[:, :-1]),
    )


def seasonal_naive(prices: Dataset, period: int, horizon: int) -> Errors:
    """Return the test errors of the prices a whole number of periods before."""
    n_back = -(-horizon // period) * period
    both = windows(prices.rows("test", n_back), n_back + horizon)
    return _errors(both[:, :horizon], both[:, n_back:])


@torch.no_grad()
def evaluate_known(
    network: nn.Module, prices: Dataset, known: Dataset | None, lookback: int, horizon: int
) -> Errors:
    """Return the test errors of a network that is given what is known ahead.

    Parameters
    ----------
    network : nn.Module
        From windows (B, L, 1), and what is known over them (B, L, n) and over the horizon
        (B, H, n), to point forecasts (B, H, 1, 1).
    prices, known : Dataset
    lookback, horizon : int
    """
    network.eval()
    past, future = _cut(prices, lookback, horizon)
    covariates = () if known is None else _cut(known, lookback, horizon)
    return _errors(network(past, *covariates).squeeze(-1), future)


def ordinary_least_squares(
    prices: Dataset, known: Dataset, lookback: int, horizon: int
) -> LinearRegressionModel:
    """Fit Darts' own linear regression to the training rows, on the same inputs."""
    model = LinearRegressionModel(
        lags=lookback,
        lags_future_covariates=(lookback, horizon),
        output_chunk_length=horizon,
    )
    return model.fit(prices.series("train"), future_covariates=known.series("train"))


def _cut(dataset: Dataset, lookback: int, horizon: int) -> tuple[Tensor, ...]:
    """Return the windows of the test part and what follows each, (T, L, n) and (T, H, n)."""
    both = windows(dataset.rows("test", lookback), lookback + horizon)
    return both.split([lookback, horizon], dim=1)


def _errors(forecasts: Tensor, actual: Tensor) -> Errors:
    error = (forecasts - actual).double()
    return Errors(error.square().mean().item(), error.abs().mean().item())


def _measure(
    name: str,
    folder: str | None,
    *,
    period: int | None = None,
    lookback: int = LOOKBACK,
    known: bool = True,
    held_out: bool = False,
    ordinary: bool = False,
    **options: Any,
) -> Row:
    prices, ahead = prices_and_known(load(name, folder))
    if period is not None:
        return _row(seasonal_naive(prices, period, HORIZON), 0.0)
    if ordinary:
        model, taken = timed(lambda: ordinary_least_squares(prices, ahead, lookback, HORIZON))
        return _row(_backtest(model, prices, ahead), taken.processor)
    model = HNMVTSModel(lookback, HORIZON, solver="exact", solver_kwargs=options)
    given: dict[str, TimeSeries] = {}
    if known:
        given["future_covariates"] = ahead.series("train")
    if not held_out:
        given["val_series"] = prices.series("validation", lookback)
        if known:
            given["val_future_covariates"] = ahead.series("validation", lookback)
    _, taken = timed(lambda: model.fit(prices.series("train"), **given))
    errors = evaluate_known(model.network, prices, ahead if known else None, lookback, HORIZON)
    return _row(errors, taken.processor)


def _backtest(model: LinearRegressionModel, prices: Dataset, known: Dataset) -> Errors:
    """Return the errors of a Darts model on every window of the test part."""
    forecasts = model.historical_forecasts(
        prices.series("test", LOOKBACK),
        future_covariates=known.series("test", LOOKBACK),
        forecast_horizon=HORIZON,
        retrain=False,
        last_points_only=False,
        show_warnings=False,
    )
    _, actual = _cut(prices, LOOKBACK, HORIZON)
    made = np.stack([one.values() for one in forecasts])
    return _errors(torch.from_numpy(made), actual)


def _row(errors: Errors, seconds: float) -> Row:
    return {
        "test MSE": round(errors.mse, 4),
        "test MAE": round(errors.mae, 4),
        "processor seconds": round(seconds, 2),
    }

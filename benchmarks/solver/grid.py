"""Grid searches of both hosts over the exact solver."""

from typing import Any

import numpy as np
import pandas as pd
from darts import TimeSeries
from darts.metrics import mse
from sktime.forecasting.model_selection import ForecastingGridSearchCV
from sktime.performance_metrics.forecasting import MeanSquaredError
from sktime.split import ExpandingWindowSplitter
from torch import nn

from benchmarks.markdown import markdown
from benchmarks.protocol import evaluate, load
from benchmarks.solver.fits import ONE_SETTING
from benchmarks.timing import timed
from hyperforecast.darts import HNMVTSModel
from hyperforecast.sktime import HNMVTSForecaster

GRID: dict[str, list[Any]] = {
    "input_chunk_length": [96, 168, 336, 504, 720],
    "channel_embedding_dim": [0, 1, 2, 4, 7],
    "instance_norm": ["none", "last"],
}
"""Fifty settings: lookback, length of the embedding, instance norm."""


def grid(folder: str | None) -> None:
    """Search fifty settings on ETTh1 with both hosts, each fitted at three cut-offs."""
    dataset, horizon, stride = load("ETTh1", folder), 96, 960
    begin, end = dataset.bounds["validation"]
    fixed = {"solver": "exact", "n_factors": 0, "solver_kwargs": ONE_SETTING}
    rows = []

    def add(host: str, seconds: float, setting: dict[str, Any], network: nn.Module) -> None:
        lookback = setting["input_chunk_length"]
        error = evaluate(network, dataset, "test", lookback, horizon).mse
        rows.append({"search": host, "seconds": seconds, "test MSE": error, **setting})
        print(f"{host}: {seconds:.0f} s", flush=True)

    series = TimeSeries.from_values(dataset.values[:end], columns=dataset.channels)
    (best, setting, _), searching = timed(
        lambda: HNMVTSModel.gridsearch(
            {**GRID, **{k: [v] for k, v in fixed.items()}, "output_chunk_length": [horizon]},
            series,
            start=begin,
            forecast_horizon=horizon,
            stride=stride,
            metric=mse,
            show_warnings=False,
        )
    )
    _, refitting = timed(lambda: best.fit(series))
    seconds = searching.wall + refitting.wall
    add("Darts gridsearch", seconds, {name: setting[name] for name in GRID}, best.network)

    frame = pd.DataFrame(dataset.values[:end], columns=dataset.channels)
    steps = np.arange(1, horizon + 1)
    search = ForecastingGridSearchCV(
        # the data are scaled already
        HNMVTSForecaster(**fixed, scaler=None),
        cv=ExpandingWindowSplitter(steps, initial_window=begin, step_length=stride),
        param_grid=GRID,
        scoring=MeanSquaredError(),
        error_score="raise",
    )
    _, taken = timed(lambda: search.fit(frame, fh=steps))
    network = search.best_forecaster_.model_.network
    add("sktime ForecastingGridSearchCV", taken.wall, search.best_params_, network)
    print(markdown(pd.DataFrame(rows), digits=4))

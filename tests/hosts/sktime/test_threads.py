"""The sktime forecasters, fitted in several threads at once as sktime's tools do it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sktime.forecasting.compose import ForecastByLevel
from sktime.forecasting.model_evaluation import evaluate
from sktime.forecasting.model_selection import ForecastingGridSearchCV
from sktime.performance_metrics.forecasting import MeanAbsoluteError
from sktime.split import ExpandingWindowSplitter

from hyperforecast.sktime import BackboneForecaster, LightSAEForecaster, MoLAForecaster

FH = [1, 2, 3]
OPTIONS: dict[str, Any] = {
    "input_chunk_length": 12,
    "n_epochs": 2,
    "batch_size": 16,
    "random_state": 0,
    "pl_trainer_kwargs": {"accelerator": "cpu"},
}
FORECASTERS: dict[str, Any] = {
    "backbone": BackboneForecaster(
        **OPTIONS, backbone="rmlp", backbone_kwargs={"d_model": 8, "dropout": 0.3}
    ),
    "light-sae": LightSAEForecaster(**OPTIONS, backbone_kwargs={"d_model": 8}),
    "mola": MoLAForecaster(**OPTIONS, backbone="dlinear", n_segments=3, rank=2),
}
each_forecaster = pytest.mark.parametrize("name", FORECASTERS)


def parallel(backend: str) -> dict[str, Any]:
    if backend == "dask":
        pytest.importorskip("dask")
        return {"backend": "dask", "backend_params": {}}
    return {"backend": backend, "backend_params": {"n_jobs": 4}}


@each_forecaster
@pytest.mark.parametrize("backend", ["threading", "dask"])
def test_a_grid_search_chooses_what_a_serial_one_does(
    name: str, backend: str, make_panel: Callable[..., pd.DataFrame]
) -> None:
    y = make_panel(90, 3)

    def search(**how: Any) -> ForecastingGridSearchCV:
        return ForecastingGridSearchCV(
            FORECASTERS[name].clone(),
            cv=ExpandingWindowSplitter(fh=FH, initial_window=70, step_length=10),
            param_grid={"optimizer_kwargs": [{"lr": 1e-3}, {"lr": 3e-3}]},
            scoring=MeanAbsoluteError(),
            error_score="raise",
            **how,
        ).fit(y, fh=FH)

    serial, threads = search(backend=None), search(**parallel(backend))
    column = "mean_test_MeanAbsoluteError"
    np.testing.assert_allclose(threads.cv_results_[column], serial.cv_results_[column], rtol=1e-6)
    assert threads.best_params_ == serial.best_params_
    pd.testing.assert_frame_equal(threads.predict(), serial.predict())


@each_forecaster
def test_evaluation(name: str, make_panel: Callable[..., pd.DataFrame]) -> None:
    y = make_panel(90, 3)
    cv = ExpandingWindowSplitter(fh=FH, initial_window=60, step_length=6)
    how: dict[str, Any] = {"return_data": True, "error_score": "raise"}
    serial = evaluate(FORECASTERS[name].clone(), cv, y, **how)
    threads = evaluate(FORECASTERS[name].clone(), cv, y, **how, **parallel("threading"))
    for one, other in zip(serial["y_pred"], threads["y_pred"], strict=True):
        pd.testing.assert_frame_equal(other, one)


@each_forecaster
def test_a_forecaster_for_each_instance(name: str, make_panel: Callable[..., pd.DataFrame]) -> None:
    parts = {store: make_panel(60, 2, seed=i) for i, store in enumerate("abcd")}
    y = pd.concat(parts, names=["store", "time"])

    def forecast(**config: Any) -> pd.DataFrame:
        each = ForecastByLevel(FORECASTERS[name].clone(), groupby="local")
        each.set_config(**config)
        return each.fit(y, fh=FH).predict()

    serial = forecast()
    threads = forecast(
        **{"backend:parallel": "threading", "backend:parallel:params": {"n_jobs": 4}}
    )
    pd.testing.assert_frame_equal(threads, serial)

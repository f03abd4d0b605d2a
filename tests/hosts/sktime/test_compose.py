"""The sktime forecasters inside sktime's pipelines, searches and evaluations."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sktime.forecasting.compose import (
    ColumnEnsembleForecaster,
    ForecastingPipeline,
    ForecastX,
    MultiplexForecaster,
    TransformedTargetForecaster,
)
from sktime.forecasting.model_evaluation import evaluate
from sktime.forecasting.model_selection import ForecastingGridSearchCV
from sktime.forecasting.naive import NaiveForecaster
from sktime.performance_metrics.forecasting import MeanAbsoluteError
from sktime.split import ExpandingWindowSplitter, SingleWindowSplitter
from sktime.transformations.detrend import Detrender
from sktime.transformations.hierarchical.aggregate import Aggregator
from sktime.transformations.lag import Lag

from hyperforecast.sktime import BackboneForecaster, HNMVTSForecaster

L = 12
FH = [1, 2, 3]
each_forecaster = pytest.mark.parametrize("cls", [HNMVTSForecaster, BackboneForecaster])


def make(cls: type = HNMVTSForecaster, **kwargs: Any) -> Any:
    return cls(**{"input_chunk_length": L, "n_epochs": 1, "random_state": 0, **kwargs})


@each_forecaster
def test_transformed_target(cls: type, panel: pd.DataFrame) -> None:
    """Equal to transforming by hand."""
    forecaster = make(cls, likelihood="gaussian")
    pipeline = TransformedTargetForecaster([("detrend", Detrender()), ("forecast", forecaster)])
    found = pipeline.fit(panel, fh=FH).predict()
    detrender = Detrender().fit(panel)
    inside = make(cls, likelihood="gaussian").fit(detrender.transform(panel), fh=FH).predict()
    np.testing.assert_allclose(found, detrender.inverse_transform(inside), rtol=1e-5)
    assert pipeline.predict_interval(coverage=0.5).shape == (3, 6)


@each_forecaster
def test_pipeline_of_exogenous_data(cls: type, panel: pd.DataFrame) -> None:
    y, X = panel[["a"]], panel[["b", "c"]]
    lags = Lag([0, 1], index_out="original", keep_column_names=False)
    pipeline = ForecastingPipeline([("lag", lags), ("drop", _Fill()), ("forecast", make(cls))])
    pipeline.fit(y.iloc[:-3], X=X.iloc[:-3], fh=FH)
    forecast = pipeline.predict(X=X.iloc[-3:])
    assert list(forecast.index) == list(panel.index[-3:])


def _Fill() -> Any:
    from sktime.transformations.impute import Imputer

    return Imputer(method="constant", value=0.0)


@each_forecaster
def test_forecast_x(cls: type, panel: pd.DataFrame) -> None:
    """Equal to passing the forecast of X."""
    y, X = panel[["a"]], panel[["b", "c"]]
    composed = ForecastX(forecaster_y=make(cls), forecaster_X=NaiveForecaster())
    found = composed.fit(y, X=X, fh=FH).predict()
    X_ahead = NaiveForecaster().fit(X, fh=FH).predict()
    expected = make(cls).fit(y, X=X, fh=FH).predict(X=X_ahead)
    pd.testing.assert_frame_equal(found, expected, check_freq=False)


def test_multiplexer_and_grid_search(panel: pd.DataFrame) -> None:
    multiplexer = MultiplexForecaster(
        [("hyper", make()), ("plain", make(BackboneForecaster)), ("naive", NaiveForecaster())]
    )
    search = ForecastingGridSearchCV(
        multiplexer,
        cv=SingleWindowSplitter(fh=FH, window_length=80),
        param_grid={"selected_forecaster": ["hyper", "plain", "naive"]},
        scoring=MeanAbsoluteError(),
        backend=None,
        error_score="raise",
    )
    search.fit(panel, fh=FH)
    assert search.cv_results_["mean_test_MeanAbsoluteError"].notna().all()
    assert search.predict().shape == (3, 3)


@each_forecaster
def test_grid_search_over_own_parameters(cls: type, panel: pd.DataFrame) -> None:
    """The parameter that cannot learn loses."""
    search = ForecastingGridSearchCV(
        make(cls, optimizer_kwargs={"lr": 1e-2}),
        cv=ExpandingWindowSplitter(fh=FH, initial_window=80, step_length=30),
        param_grid={"n_epochs": [0, 20], "backbone": ["dlinear"]},
        scoring=MeanAbsoluteError(),
        backend=None,
        error_score="raise",
    ).fit(panel, fh=FH)
    assert search.best_params_ == {"n_epochs": 20, "backbone": "dlinear"}
    np.testing.assert_array_equal(
        search.predict(), search.best_forecaster_.predict(), "the best one is refitted"
    )


@each_forecaster
@pytest.mark.parametrize("strategy", ["refit", "update", "no-update_params"])
def test_evaluate(cls: type, strategy: str, panel: pd.DataFrame) -> None:
    cv = ExpandingWindowSplitter(fh=FH, initial_window=80, step_length=15)
    results = evaluate(
        make(cls), cv, panel, strategy=strategy, return_data=True, error_score="raise"
    )
    for (train, _), forecast in zip(cv.split(panel), results["y_pred"], strict=True):
        rows = panel.iloc[train]
        if strategy == "no-update_params":
            expected = make(cls).fit(panel.iloc[:80], fh=FH)
            if len(rows) > 80:
                expected.update(rows.iloc[80:], update_params=False)
        else:  # an update fits again on all rows
            expected = make(cls).fit(rows, fh=FH)
        pd.testing.assert_frame_equal(forecast, expected.predict(), check_freq=False)


@each_forecaster
def test_hierarchy_with_totals(cls: type, panel: pd.DataFrame) -> None:
    parts = {("north", "x"): panel, ("north", "y"): panel * 2, ("south", "z"): panel * 3}
    y = pd.concat(parts, names=["region", "store", "time"])
    pipeline = Aggregator() * make(cls)
    forecast = pipeline.fit(y, fh=FH).predict()
    assert ("__total", "__total") in forecast.index.droplevel("time")
    assert len(forecast) == 3 * len(Aggregator().fit_transform(y).index.droplevel("time").unique())


def test_one_forecaster_for_each_column(panel: pd.DataFrame) -> None:
    ensemble = ColumnEnsembleForecaster(
        [("hyper", make(), ["a", "b"]), ("plain", make(BackboneForecaster), ["c"])]
    )
    forecast = ensemble.fit(panel, fh=FH).predict()
    expected = make().fit(panel[["a", "b"]], fh=FH).predict()
    pd.testing.assert_frame_equal(forecast[["a", "b"]], expected, check_freq=False)


def test_series_and_arrays(panel: pd.DataFrame) -> None:
    """What comes out has the type of what went in."""
    frame = make(channel_embedding_dim=1).fit(panel[["a"]], fh=FH).predict()
    series = make(channel_embedding_dim=1).fit(panel["a"], fh=FH).predict()
    array = make(channel_embedding_dim=1).fit(panel[["a"]].to_numpy(), fh=FH).predict()
    assert isinstance(series, pd.Series)
    assert series.name == "a"
    assert isinstance(array, np.ndarray)
    np.testing.assert_array_equal(frame["a"], series)
    np.testing.assert_array_equal(frame, array)

"""The models, backtested through Darts, and some of them through sktime again."""

import time

import numpy as np

from hyperforecast.automatic.names import repeated_rows
from hyperforecast.demo.errors import Entry, measure
from hyperforecast.demo.models import REPEATED, SETTINGS
from hyperforecast.demo.plan import Plan
from hyperforecast.demo.report import Say, progress
from hyperforecast.diagnosis.standardise import from_darts, to_darts


def backtest_sktime(plan: Plan, scale: np.ndarray, say: Say) -> list[Entry]:
    """Backtest some models by sktime's ``evaluate``, which trains once and hands on new rows."""
    from sktime.forecasting.model_evaluation import evaluate
    from sktime.split import ExpandingWindowSplitter

    from hyperforecast.sktime import AutoHyperForecaster, BackboneForecaster

    classes = {"plain": BackboneForecaster, "automatic": AutoHyperForecaster}
    windows = ExpandingWindowSplitter(
        fh=np.arange(1, plan.horizon + 1),
        initial_window=plan.first_test_row,
        step_length=plan.stride,
    )
    entries = []
    for name in REPEATED:
        method, options = SETTINGS[name]
        forecaster = classes[method](plan.lookback, plan.horizon, **options)
        start = time.perf_counter()
        results = evaluate(
            forecaster,
            windows,
            plan.data,
            strategy="no-update_params",
            return_data=True,
            return_model=True,
            error_score="raise",
        )
        seconds = time.perf_counter() - start
        fitted = results["fitted_forecaster"].iloc[-1]
        entry = measure(name, "sktime", list(results["y_pred"]), seconds, plan, scale, fitted)
        progress(entry, say)
        entries.append(entry)
    return entries


def backtest_darts(plan: Plan, scale: np.ndarray, say: Say) -> list[Entry]:
    """Backtest by Darts' ``historical_forecasts``, naive forecasts included."""
    from darts.models import NaiveSeasonal

    from hyperforecast.darts import AutoHyperModel, BackboneModel, HNMVTSModel

    classes = {"hn-mvts": HNMVTSModel, "plain": BackboneModel, "automatic": AutoHyperModel}
    series = to_darts(plan.data, plan.training)
    seen_last = to_darts(plan.data.ffill(), plan.training)  # what naive forecasts repeat
    rows = repeated_rows(plan.season, plan.first_test_row)
    naive = {name: NaiveSeasonal(K=n_rows) for name, n_rows in rows.items()}
    models = {
        name: classes[method](plan.lookback, plan.horizon, **options)
        for name, (method, options) in SETTINGS.items()
    }
    entries = []
    for name, model in {**naive, **models}.items():
        start = time.perf_counter()
        if name in models:
            model.fit(series[: plan.first_test_row])
        forecasts = model.historical_forecasts(
            seen_last if name in naive else series,
            start=plan.first_test_row,
            start_format="position",
            forecast_horizon=plan.horizon,
            stride=plan.stride,
            retrain=name in naive,  # these have nothing to train, but need the last rows
            train_length=max(model.K, 3) if name in naive else None,
            last_points_only=False,
            verbose=False,
            show_warnings=False,
        )
        seconds = time.perf_counter() - start
        frames = [from_darts(one, plan.training) for one in forecasts]
        trained = model if name in models else None
        entry = measure(name, "Darts", frames, seconds, plan, scale, trained)
        progress(entry, say)
        entries.append(entry)
    return entries

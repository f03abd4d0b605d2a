"""Intervals of HN-MVTS, for the pictures."""

from collections.abc import Sequence

import pandas as pd

from hyperforecast.demo.plan import Plan
from hyperforecast.diagnosis.standardise import from_darts, to_darts

QUANTILES = (0.05, 0.5, 0.95)
"""Bounds of intervals that hold nine of ten values, and the median."""


def forecast_intervals(
    plan: Plan, rows: Sequence[int]
) -> tuple[list[pd.DataFrame], list[pd.DataFrame]]:
    """Return lower and upper bounds of the forecasts whose first rows are given."""
    from darts.utils.likelihood_models import QuantileRegression

    from hyperforecast.darts import HNMVTSModel

    series = to_darts(plan.data, plan.training)
    likelihood = QuantileRegression(list(QUANTILES))
    model = HNMVTSModel(plan.lookback, plan.horizon, likelihood=likelihood)
    model.fit(series[: plan.first_test_row])
    forecasts = model.predict(
        plan.horizon,
        series=[series[:row] for row in rows],
        predict_likelihood_parameters=True,
        verbose=False,
    )
    bounds: tuple[list[pd.DataFrame], list[pd.DataFrame]] = ([], [])
    for forecast in forecasts:
        for number, frames in zip((0, len(QUANTILES) - 1), bounds, strict=True):
            names = list(forecast.components[number :: len(QUANTILES)])
            frames.append(from_darts(forecast[names], plan.training))
    return bounds

"""Intervals of a model that was compared, for the pictures."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from hyperforecast.demo.plan import Plan
from hyperforecast.diagnosis.standardise import from_darts, to_darts


def forecast_intervals(
    model: Any, plan: Plan, rows: Sequence[int]
) -> tuple[list[pd.DataFrame], list[pd.DataFrame]]:
    """Return a model's lowest and highest quantiles of the forecasts whose first rows are given.

    Parameters
    ----------
    model : AutoHyperModel
        Fitted, with quantiles.
    plan : Plan
    rows : sequence of int
    """
    series = to_darts(plan.data, plan.training)
    forecasts = model.predict(
        plan.horizon,
        series=[series[:row] for row in rows],
        predict_likelihood_parameters=True,
        verbose=False,
    )
    quantiles = model.likelihood.quantiles
    bounds: tuple[list[pd.DataFrame], list[pd.DataFrame]] = ([], [])
    for forecast in forecasts:
        for number, frames in zip((0, len(quantiles) - 1), bounds, strict=True):
            names = list(forecast.components[number :: len(quantiles)])
            frames.append(from_darts(forecast[names], plan.training))
    return bounds

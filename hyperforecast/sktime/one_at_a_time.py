"""Predictions from several threads."""

from typing import Any

from sktime.forecasting.base import BaseForecaster

from hyperforecast.darts.training.random_turns import in_turn
from hyperforecast.sktime.levels import checking_levels, needing_a_distribution


def _probabilistic(what: str, method: Any, levels: str | None = None) -> Any:
    checked = method if levels is None else checking_levels(levels, method)
    return in_turn(needing_a_distribution(what, checked))


class OneAtATime:
    """Forecasters that may be asked from several threads, and answer one after the other.

    Models take turns already, for the random numbers. Here the turn begins earlier, because sktime
    keeps the horizon that is asked for on the forecaster.
    """

    predict = in_turn(BaseForecaster.predict)
    predict_interval = _probabilistic(
        "prediction intervals", BaseForecaster.predict_interval, levels="coverage"
    )
    predict_quantiles = _probabilistic(
        "quantile predictions", BaseForecaster.predict_quantiles, levels="alpha"
    )
    predict_var = _probabilistic("variance predictions", BaseForecaster.predict_var)
    predict_proba = _probabilistic("probabilistic predictions", BaseForecaster.predict_proba)

"""Predictions from several threads."""

from sktime.forecasting.base import BaseForecaster

from hyperforecast.darts.random_turns import in_turn
from hyperforecast.sktime.levels import checking_levels


class OneAtATime(BaseForecaster):
    """Forecasters that may be asked from several threads, and answer one after the other.

    Models take turns already, for the random numbers. Here the turn begins earlier, because sktime
    keeps the horizon that is asked for on the forecaster.
    """

    predict = in_turn(BaseForecaster.predict)
    predict_interval = in_turn(checking_levels("coverage", BaseForecaster.predict_interval))
    predict_quantiles = in_turn(checking_levels("alpha", BaseForecaster.predict_quantiles))
    predict_var = in_turn(BaseForecaster.predict_var)
    predict_proba = in_turn(BaseForecaster.predict_proba)

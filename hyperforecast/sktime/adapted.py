"""Forecasters whose networks can have adapters on a base."""

from typing import Self

import pandas as pd
from sktime.forecasting.base import ForecastingHorizon

from hyperforecast.darts.options import TwoStageOptions
from hyperforecast.sktime.base import BaseHyperforecastForecaster


class BaseAdaptedForecaster(TwoStageOptions, BaseHyperforecastForecaster):
    """Base of the forecasters that train a base first, and then what adapts it.

    ``pretrain`` on a panel makes the base; with ``adapt_only=True``, ``fit`` and ``update`` then
    train the adapters alone.

    Parameters
    ----------
    {parameters}
    """

    def _fit(self, y: pd.DataFrame, X: pd.DataFrame | None, fh: ForecastingHorizon | None) -> Self:
        if self.adapt_only and not hasattr(self, "pretrained_"):
            raise ValueError(
                "adapt_only=True trains the adapters of a pretrained base, and this forecaster has "
                "none. Call `pretrain` with a panel first, or leave adapt_only out."
            )
        return super()._fit(y, X, fh)

"""Forecasters whose networks can have adapters on a base."""

from contextlib import suppress
from typing import Self

import pandas as pd
from sktime.forecasting.base import ForecastingHorizon

from hyperforecast.darts.options import TwoStageOptions
from hyperforecast.sktime.base import BaseHyperforecastForecaster
from hyperforecast.sktime.trained import Trained


class BaseAdaptedForecaster(TwoStageOptions, BaseHyperforecastForecaster):
    """Base of the forecasters that train a base first, and then what adapts it.

    ``pretrain`` on a panel makes the base; with ``adapt_only=True``, ``fit`` and ``update`` then
    train the adapters alone. A base with ``segment_length`` serves any horizon:
    ``set_params(output_chunk_length=...)`` in between keeps it, and adapters of the new horizon
    are trained from their start.

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

    def _lengths_on(self, start: Trained) -> tuple[int, int]:
        lookback, horizon = super()._lengths_on(start)
        wanted, parts = self.output_chunk_length, start.model.network.parts.values()
        if wanted is None or not self.adapt_only:
            return lookback, horizon
        with suppress(ValueError):  # a horizon that is not cut into segments
            cuts = [(part.cut(horizon), part.cut(wanted)) for part in parts]
            if any(then and now and then.length == now.length for then, now in cuts):
                return lookback, wanted
        return lookback, horizon

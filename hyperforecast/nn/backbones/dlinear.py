"""DLinear."""

from functools import partial

import torch
from torch import Tensor, nn

from hyperforecast.nn.backbones.base import Backbone
from hyperforecast.nn.layers.conditioning import Condition
from hyperforecast.nn.layers.decomposition import MovingAverage
from hyperforecast.nn.layers.initialisers import Initialiser


class DLinear(Backbone):
    """Trend and remainder of a window, each mapped linearly to the forecast.

    The features are remainder and trend side by side, so the two linear maps of the paper are
    the two halves of one head, and a part that generates the head generates both.

    Parameters
    ----------
    lookback, n_channels
        See :class:`Backbone`.
    kernel_size : int, default=25
        Steps of the moving average that is the trend, odd.

    References
    ----------
    Zeng et al., "Are Transformers Effective for Time Series Forecasting?", AAAI 2023,
    arXiv 2205.13504. Deviations: the two maps share one bias; they start at 1/L, not at
    random.
    """

    channel_independent = True

    def __init__(self, lookback: int, n_channels: int, *, kernel_size: int = 25) -> None:
        super().__init__(lookback, n_channels)
        self.trend = MovingAverage(kernel_size)
        self.feature_dim = 2 * lookback

    def head_of_linear_map(self, weight: Tensor) -> Tensor:
        """Map remainder and trend alike: (..., O, L) -> (..., O, 2·L)."""
        return torch.cat([weight, weight], dim=-1)

    def linear_map_of_head(self, weight: Tensor) -> Tensor:
        """Return the map of the window that a head amounts to: (..., O, 2·L) -> (..., O, L)."""
        remainder, trend = weight.chunk(2, dim=-1)
        steps = torch.eye(self.lookback).to(weight)
        averages = self.trend(steps[None])[0]  # each row is what its step adds to the trend
        return remainder + (trend - remainder) @ averages.mT

    def head_initialiser(self) -> Initialiser:
        """Return a start at 1/L in both maps: the first forecast is the mean of the window."""
        return partial(nn.init.constant_, val=1 / self.lookback)

    def embed(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        """Pass windows (B, C, L) on: DLinear has no embedding."""
        return x

    def encode(self, embedded: Tensor, condition: Condition | None = None) -> Tensor:
        """Split windows (B, C, L) into remainder and trend (B, C, 2·L)."""
        trend = self.trend(embedded)
        return torch.cat([embedded - trend, trend], dim=-1)

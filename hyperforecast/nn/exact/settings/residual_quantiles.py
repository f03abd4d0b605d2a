"""Quantiles of residuals, as the network holds them."""

from dataclasses import dataclass

from torch import Tensor

from hyperforecast.nn.exact.uncertainty.volatility import Volatility


@dataclass(frozen=True)
class ResidualQuantiles:
    """Quantiles of residuals, and what they are multiplied by for a window.

    Attributes
    ----------
    offsets : Tensor, shape (C, H, P)
        In units of the constant regressor.
    volatility : Volatility
    """

    offsets: Tensor
    volatility: Volatility

"""Quantiles beside a point forecast: what a single sample of a forecast is."""

from darts.utils.likelihood_models.torch import QuantileRegression
from torch import Tensor


class CalibratedQuantiles(QuantileRegression):
    """Quantiles whose single sample is the median, so that a plain ``predict`` is no random draw.

    Darts draws from a likelihood even where one sample is asked for. Of several samples this one
    draws, too.

    Parameters
    ----------
    quantiles : list of float
        Levels, the median among them and symmetric around it.
    """

    def point(self, output: Tensor) -> Tensor:
        """Return the median of quantiles: (..., P) -> (...)."""
        return output[..., self.quantiles.index(0.5)]

"""Quantiles around a point forecast, which is what a single sample is."""

from darts.utils.likelihood_models.torch import QuantileRegression
from torch import Tensor


class CentredQuantiles(QuantileRegression):
    """Quantiles around the least squares forecast, which stands for the median.

    A model that the exact solver trains forecasts the mean, and quantiles of its errors on windows
    that were not trained on around it. With this likelihood the middle one is the mean itself, not
    moved by the median of these errors, and a plain ``predict`` returns it: Darts draws from a
    likelihood even where one sample is asked for. Of several samples this one draws, too.

    Parameters
    ----------
    quantiles : list of float
        Levels, the median among them and symmetric around it.
    """

    def point(self, output: Tensor) -> Tensor:
        """Return the middle one of quantiles: (..., P) -> (...)."""
        return output[..., self.quantiles.index(0.5)]

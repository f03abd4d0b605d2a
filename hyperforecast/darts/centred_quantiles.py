"""Quantiles around a point forecast, which is what a single sample is."""

from collections.abc import Sequence

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


def check_symmetric(quantiles: Sequence[float]) -> None:
    """Raise, before Darts writes to the log, unless quantiles lie around the median in pairs."""
    levels = sorted(quantiles)
    alone = [q for q in levels if not any(abs(q + other - 1) < 1e-6 for other in levels)]
    if 0.5 not in levels:
        problem = "the median, 0.5, is not among them"
    elif alone:
        problem = f"beside {alone[0]:g} there is no {1 - alone[0]:g}"
    else:
        return
    raise ValueError(
        "quantiles must have the median among them and be symmetric around it, for example "
        f"(0.1, 0.5, 0.9); got {tuple(quantiles)}: {problem}."
    )

"""A mean of few rows is not a channel's level, and its forecasts must not lean on it."""

from dataclasses import dataclass

import torch
from torch import Tensor

MOST = 0.98
"""Part of the variance of rows that a mean of them may have; of one row it would be all."""


@dataclass(frozen=True)
class UnknownLevel:
    r"""What places lose where all rows lie higher or lower than those that were seen.

    The windows of a new channel are standardised by a mean of its own rows, which errs by
    :math:`\tau`. On windows of which every value lies :math:`\tau` higher, so do all targets; a
    forecast that leads back to the mean misses them by :math:`\tau (1 - s_h(b))`, where
    :math:`s_h` is what it gains by one.

    Attributes
    ----------
    missed : Tensor, shape (H,)
        What place zero misses of a level that is higher by one, :math:`1 - s_h(0)`.
    slopes : Tensor, shape (H, K)
        What a step along each direction adds to its forecast.
    unseen : Tensor, shape (N + 1,)
        Part of a channel's variance that a mean of the rows has, if the channel is like each known
        one; the last if it is like none, the mean of the others.
    variance : Tensor, shape (...)
        Of the rows: of one channel, or of several on leading axes.
    """

    missed: Tensor
    slopes: Tensor
    unseen: Tensor
    variance: Tensor

    def errors(self, places: Tensor) -> Tensor:
        """Return what places (..., K) miss of a level that is higher by one, squared, (..., H)."""
        return (self.missed - places @ self.slopes.T).square()

    def variance_of_mean(self, shares: Tensor) -> Tensor:
        """Return the variance (...) of the mean of channels like others by shares (..., N + 1).

        That of a stationary series beside the variance within the rows, which is what the mean
        leaves.
        """
        unseen = shares @ self.unseen
        return self.variance * unseen / (1 - unseen)


def unseen_part(correlations: Tensor, n_rows: int) -> Tensor:
    """Return the part (N,) of the variance of series that a mean of consecutive rows has.

    Parameters
    ----------
    correlations : Tensor, shape (N, L - 1)
        Of each with its own past. Beyond them they go on falling as the last one did from one,
        and are zero where some are below zero: what swings evens out.
    n_rows : int
        At least one.
    """
    n_lags = correlations.shape[1]
    lags = torch.arange(1, n_rows, dtype=torch.float64)
    at_lags = correlations[:, : n_rows - 1].double()
    if n_lags and n_rows - 1 > n_lags:
        swings = correlations.min(dim=1, keepdim=True).values < 0
        last = torch.where(swings, 0.0, correlations[:, -1:].double())
        at_lags = torch.cat([at_lags, last ** (lags[n_lags:] / n_lags)], dim=1)
    weights = 2 * (1 - lags[: at_lags.shape[1]] / n_rows)
    return ((1 + at_lags @ weights) / n_rows).clamp(min=0, max=MOST)

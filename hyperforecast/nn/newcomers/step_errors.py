"""The mean squared errors at each step of forecasts that are linear in a place."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from hyperforecast.nn.newcomers.quadratic_error import QuadraticError
from hyperforecast.nn.newcomers.unknown_level import UnknownLevel


@dataclass(frozen=True)
class StepErrors:
    r"""What places miss at each step, summed over windows: a quadratic form for each.

    .. math:: n_h e_h(b) = b^T G_h b - 2 b^T r_h + c_h

    Attributes
    ----------
    gram : Tensor, shape (H, K, K)
    right : Tensor, shape (H, K)
    total : Tensor, shape (H,)
        Of place zero.
    counts : Tensor, shape (H,)
        Windows in which each step is known.
    n_windows : int
    least : float
        Mean squared error below which there is nothing but rounding.
    """

    gram: Tensor
    right: Tensor
    total: Tensor
    counts: Tensor
    n_windows: int
    least: float

    @classmethod
    def of(cls, missed: Tensor, slopes: Tensor, least: float) -> Self:
        """Return those of windows; arguments as of :meth:`QuadraticError.of`."""
        known = missed.isfinite()
        left = missed.nan_to_num().T  # (H, T)
        steps = (slopes * known[..., None]).transpose(0, 1)  # (H, T, K)
        return cls(
            gram=steps.mT @ steps,
            right=(left[:, None] @ steps)[:, 0],
            total=left.square().sum(dim=1),
            counts=known.sum(dim=0).double(),
            n_windows=len(missed),
            least=least,
        )

    def __call__(self, places: Tensor) -> Tensor:
        """Return the mean squared errors (n, H) of places (n, K)."""
        squares = ((places @ self.gram) * places).sum(dim=-1).T
        sums = self.total + squares - 2 * places @ self.right.T
        return (sums / self.counts.clamp(min=1)).clamp(min=self.least)

    def __add__(self, other: "StepErrors") -> "StepErrors":
        """Return those of the windows of both."""
        return StepErrors(
            self.gram + other.gram,
            self.right + other.right,
            self.total + other.total,
            self.counts + other.counts,
            self.n_windows + other.n_windows,
            self.least,
        )

    def at_levels(self, level: UnknownLevel, variance: float) -> "StepErrors":
        """Return those of the same windows at other levels, of a variance about that of the rows.

        The errors are larger by that of the level times the variance.
        """
        weight = variance * self.counts
        weighted = weight[:, None] * level.slopes
        return StepErrors(
            self.gram + weighted[:, :, None] * level.slopes[:, None],
            self.right + weighted * level.missed[:, None],
            self.total + weight * level.missed.square(),
            self.counts,
            self.n_windows,
            self.least,
        )

    def weighed(self, weight: Tensor) -> QuadraticError:
        """Return the mean error over windows and steps, these by weights (H,)."""
        n_known = self.counts.sum()
        return QuadraticError(
            torch.tensordot(weight, self.gram, dims=1) / n_known,
            weight @ self.right / n_known,
            weight @ self.total / n_known,
            self.n_windows,
            self.least,
        )

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

    Of one channel, or of several on leading axes.

    Attributes
    ----------
    gram : Tensor, shape (..., H, K, K)
    right : Tensor, shape (..., H, K)
    total : Tensor, shape (..., H)
        Of place zero.
    counts : Tensor, shape (..., H)
        Windows in which each step is known.
    n_windows : int
    least : Tensor, shape (...)
        Mean squared error below which there is nothing but rounding.
    """

    gram: Tensor
    right: Tensor
    total: Tensor
    counts: Tensor
    n_windows: int
    least: Tensor

    @classmethod
    def of(cls, missed: Tensor, slopes: Tensor, least: Tensor | float = 0.0) -> Self:
        """Return those of windows.

        Parameters
        ----------
        missed : Tensor, shape (..., T, H)
            Targets less forecasts of place zero, NaN where they are not known.
        slopes : Tensor, shape (..., T, H, K)
            What a step along each direction adds to the forecasts.
        least : Tensor, shape (...), or float, default=0.0
        """
        known = missed.isfinite()
        left = torch.where(known, missed, 0.0)
        gram, right = [], []
        for step, last in enumerate(_last_known(known)):
            rows, of_step = slopes[..., :last, step, :], known[..., :last, step]
            if not of_step.all():
                rows = rows * of_step[..., None]
            gram.append(rows.mT @ rows)
            right.append((left[..., None, :last, step] @ rows)[..., 0, :])
        return cls(
            gram=torch.stack(gram, dim=-3),
            right=torch.stack(right, dim=-2),
            total=left.square().sum(dim=-2),
            counts=known.sum(dim=-2).double(),
            n_windows=missed.shape[-2],
            least=torch.as_tensor(least).to(left).expand(left.shape[:-2]),
        )

    def __call__(self, places: Tensor) -> Tensor:
        """Return the mean squared errors (..., n, H) of places (n, K), or of some of each's."""
        if places.dim() == 2:  # pairs of entries count once for all
            rows, columns = torch.triu_indices(places.shape[1], places.shape[1])
            pairs = torch.where(rows < columns, 2.0, 1.0).to(places)
            pairs = pairs * places[:, rows] * places[:, columns]
            squares = self.gram[..., rows, columns] @ pairs.T  # (..., H, n)
        else:
            each = places.mT.unsqueeze(-3)  # (..., 1, K, n)
            squares = ((self.gram @ each) * each).sum(dim=-2)
        sums = self.total[..., None] + squares - 2 * self.right @ places.mT
        means = sums / self.counts.clamp(min=1)[..., None]
        return means.maximum(self.least[..., None, None]).mT

    def __add__(self, other: "StepErrors") -> "StepErrors":
        """Return those of the windows of both."""
        return StepErrors(
            self.gram + other.gram,
            self.right + other.right,
            self.total + other.total,
            self.counts + other.counts,
            self.n_windows + other.n_windows,
            self.least.maximum(other.least),
        )

    def of_all(self) -> "StepErrors":
        """Return those of the windows of several channels (A, ...) that share one place."""
        return StepErrors(
            self.gram.sum(dim=0),
            self.right.sum(dim=0),
            self.total.sum(dim=0),
            self.counts.sum(dim=0),
            self.n_windows * len(self.counts),
            self.least.amax(dim=0),
        )

    def at_levels(self, level: UnknownLevel, variance: Tensor) -> "StepErrors":
        """Return those of the same windows at other levels, of a variance about that of the rows.

        The errors are larger by that of the level times the variance.
        """
        weight = variance[..., None] * self.counts
        weighted = weight[..., None] * level.slopes
        return StepErrors(
            self.gram + weighted[..., None] * level.slopes[:, None],
            self.right + weighted * level.missed[:, None],
            self.total + weight * level.missed.square(),
            self.counts,
            self.n_windows,
            self.least,
        )

    def weighed(self, weight: Tensor) -> QuadraticError:
        """Return the mean error over windows and steps, these by weights (..., H)."""
        weight = (weight / self.counts.sum(dim=-1, keepdim=True)).unsqueeze(-2)  # (..., 1, H)
        gram = weight @ self.gram.flatten(-2)
        return QuadraticError(
            gram[..., 0, :].unflatten(-1, self.gram.shape[-2:]),
            (weight @ self.right)[..., 0, :],
            (weight @ self.total[..., None])[..., 0, 0],
            self.n_windows,
            self.least,
        )


def _last_known(known: Tensor) -> list[int]:
    """Return for each step by how many windows (..., T, H) all that are known are over."""
    anywhere = known.flatten(0, -3).any(dim=0) if known.dim() > 2 else known
    counted = anywhere * torch.arange(1, len(anywhere) + 1)[:, None]
    return counted.amax(dim=0).tolist() if len(counted) else [0] * known.shape[-1]

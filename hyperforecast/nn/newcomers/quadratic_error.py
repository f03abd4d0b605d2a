"""The mean squared error of forecasts that are linear in a place."""

from typing import Self

import torch
from torch import Tensor


class QuadraticError:
    r"""The mean squared error of places on the windows of a channel, a quadratic form.

    .. math:: e(b) = b^T G b - 2 b^T r + c

    Parameters
    ----------
    gram : Tensor, shape (K, K)
    right : Tensor, shape (K,)
    total : Tensor, scalar
        Of place zero.
    n_windows : int
    least : float, default=0.0
        Mean squared error below which there is nothing but rounding.
    """

    def __init__(
        self, gram: Tensor, right: Tensor, total: Tensor, n_windows: int, least: float = 0.0
    ) -> None:
        self.gram = gram
        self.right = right
        self.total = total
        self.n_windows = n_windows
        self.least = least

    @classmethod
    def of(cls, missed: Tensor, slopes: Tensor, least: float) -> Self:
        """Return that of windows.

        Parameters
        ----------
        missed : Tensor, shape (T, H)
            Targets less forecasts of place zero, NaN where they are not known.
        slopes : Tensor, shape (T, H, K)
            What a step along each direction adds to the forecasts.
        least : float
        """
        known = missed.isfinite()
        left, steps = missed[known], slopes[known]  # (M,), (M, K)
        gram, right = steps.T @ steps / len(left), steps.T @ left / len(left)
        return cls(gram, right, left.square().mean(), len(missed), least)

    @classmethod
    def about(cls, place: Tensor) -> Self:
        """Return the squared distance from a place (K,)."""
        return cls(torch.eye(len(place)).to(place), place, place.square().sum(), 1)

    def __call__(self, places: Tensor) -> Tensor:
        """Return the errors of places (..., K)."""
        products = ((places @ self.gram) * places).sum(dim=-1) - 2 * (places @ self.right)
        return (self.total + products).clamp(min=self.least)

    def scaled(self, factor: float) -> Self:
        """Return the error in other units of what is forecast."""
        return type(self)(
            factor * self.gram,
            factor * self.right,
            factor * self.total,
            self.n_windows,
            factor * self.least,
        )

    def drawn(
        self, place: Tensor, loss: Tensor, weight: float, noise: Tensor | None = None
    ) -> Tensor:
        """Return the place (K,) of least error and distance from a place.

        Parameters
        ----------
        place : Tensor, shape (K,)
        loss : Tensor, shape (K, K)
            What a channel loses by a step from there, definite.
        weight : float
            How much the error counts, in units of the noise.
        noise : Tensor, scalar, optional
            The place's own error if not given.
        """
        weight = weight / (self(place) if noise is None else noise).item()
        if not weight > 0:
            return place
        return torch.linalg.solve(loss + weight * self.gram, loss @ place + weight * self.right)

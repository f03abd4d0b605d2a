"""The mean squared error of forecasts that are linear in a place."""

from typing import Self

import torch
from torch import Tensor


class QuadraticError:
    r"""The mean squared error of places on the windows of a channel, a quadratic form.

    .. math:: e(b) = b^T G b - 2 b^T r + c

    Of one channel, or of several on leading axes.

    Parameters
    ----------
    gram : Tensor, shape (..., K, K)
    right : Tensor, shape (..., K)
    total : Tensor, shape (...)
        Of place zero.
    n_windows : int
    least : Tensor, shape (...), or float, default=0.0
        Mean squared error below which there is nothing but rounding.
    """

    def __init__(
        self,
        gram: Tensor,
        right: Tensor,
        total: Tensor,
        n_windows: int,
        least: Tensor | float = 0.0,
    ) -> None:
        self.gram = gram
        self.right = right
        self.total = total
        self.n_windows = n_windows
        self.least = torch.as_tensor(least).to(total).expand_as(total)

    @classmethod
    def about(cls, place: Tensor) -> Self:
        """Return the squared distance from a place (K,)."""
        return cls(torch.eye(len(place)).to(place), place, place.square().sum(), 1)

    def __call__(self, places: Tensor) -> Tensor:
        """Return the errors of places (..., K), of several channels one of each."""
        squares = ((places.unsqueeze(-2) @ self.gram)[..., 0, :] * places).sum(dim=-1)
        products = squares - 2 * (places * self.right).sum(dim=-1)
        return (self.total + products).maximum(self.least)

    def of_each(self) -> list[Self]:
        """Return those of single ones of several channels (A, ...)."""
        parts = (self.gram, self.right, self.total, self.least)
        return [
            type(self)(gram, right, total, self.n_windows, least)
            for gram, right, total, least in zip(*parts, strict=True)
        ]

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
        """Return the places (..., K) of least error and distance from a place.

        Parameters
        ----------
        place : Tensor, shape (..., K)
        loss : Tensor, shape (K, K)
            What a channel loses by a step from there, definite.
        weight : float
            How much the error counts, in units of the noise.
        noise : Tensor, shape (...), optional
            The place's own error if not given.
        """
        if not weight > 0:
            return place
        weights = weight / (self(place) if noise is None else noise).unsqueeze(-1)
        square = loss + weights.unsqueeze(-1) * self.gram
        right = (loss @ place.unsqueeze(-1))[..., 0] + weights * self.right
        return torch.linalg.solve(square, right.unsqueeze(-1))[..., 0]

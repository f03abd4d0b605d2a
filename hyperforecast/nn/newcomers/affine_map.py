"""Forecasts of a network as an affine map of the window, where they are one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

N_TRIED = 4
"""Windows on which it is found out whether forecasts are affine."""

ROUNDING = 1e-4
"""Part of the largest forecast by which those of a map may differ from the network's."""


@dataclass(frozen=True)
class AffineMap:
    r"""Forecasts :math:`a + \sum_l x_l W_l` of windows x.

    Attributes
    ----------
    weight : Tensor, shape (L, H, m)
        Of m channels that have the same window, float64.
    constant : Tensor, shape (H, m)
    """

    weight: Tensor
    constant: Tensor

    @classmethod
    def of(cls, forecast: Callable[[Tensor], Tensor], lookback: int) -> Self | None:
        """Return the map of what forecasts (B, H, m) of windows (B, L), ``None`` if it is none."""
        generator = torch.Generator().manual_seed(0)
        tried = torch.randn(N_TRIED, lookback, generator=generator, dtype=torch.float64)
        nothing = tried.new_zeros(1, lookback)
        found = forecast(torch.cat([nothing, torch.eye(lookback).double(), tried]))
        constant, weight, expected = found.split([1, lookback, N_TRIED])
        affine = cls(weight - constant, constant[0])
        departure = (affine(tried) - expected).abs().max()
        return affine if departure <= ROUNDING * expected.abs().max() else None

    def __call__(self, windows: Tensor) -> Tensor:
        """Return forecasts (B, H, m) of windows (B, L)."""
        products = windows.double() @ self.weight.flatten(1)
        return products.unflatten(1, self.constant.shape) + self.constant

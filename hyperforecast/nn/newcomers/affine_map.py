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

Forecast = Callable[[Tensor, Tensor | None], Tensor]
"""Of windows (B, L) and common factors (1, F), or none: (B, H, m)."""


@dataclass(frozen=True)
class AffineMap:
    r"""Forecasts :math:`a + \sum_l x_l W_l + \sum_f z_f V_f` of windows x and common factors z.

    Attributes
    ----------
    weight : Tensor, shape (L, H, m)
        Of m channels that have the same window, float64.
    constant : Tensor, shape (H, m)
    of_factors : Tensor, shape (m, H, F), optional
        In the precision of the network: there may be many.
    """

    weight: Tensor
    constant: Tensor
    of_factors: Tensor | None = None

    @classmethod
    def of(cls, forecast: Forecast, lookback: int, of_factors: Tensor | None = None) -> Self | None:
        """Return the map of what forecasts, ``None`` if it is none.

        Parameters
        ----------
        forecast : callable
        lookback : int
        of_factors : Tensor, shape (m, H, F), optional
            By which factors are said to enter.
        """
        generator = torch.Generator().manual_seed(0)
        tried = torch.randn(N_TRIED, lookback, generator=generator, dtype=torch.float64)
        windows = torch.cat([tried.new_zeros(1, lookback), torch.eye(lookback).double(), tried])
        factors = some = None
        if of_factors is not None:
            some = torch.randn(1, of_factors.shape[2], generator=generator).to(of_factors)
            factors = torch.zeros_like(some)
        found = forecast(windows, factors)
        constant, weight, expected = found.split([1, lookback, N_TRIED])
        affine = cls(weight - constant, constant[0], of_factors)
        if some is not None:
            tried, expected = tried.repeat(2, 1), torch.cat([expected, forecast(tried, some)])
            some = torch.cat([torch.zeros_like(some), some]).repeat_interleave(N_TRIED, dim=0)
        departure = (affine(tried, affine.added_by(some)) - expected).abs().max()
        return affine if departure <= ROUNDING * expected.abs().max() else None

    def __call__(self, windows: Tensor, added: Tensor | None = None) -> Tensor:
        """Return forecasts (..., B, H, m) of windows (..., B, L), given what factors add."""
        forecast = windows.double().flatten(0, -2) @ self.weight.flatten(1)  # (n, H·m)
        beside = self.constant if added is None else self.constant + added
        forecast = forecast.unflatten(1, self.weight.shape[1:])
        return forecast.unflatten(0, windows.shape[:-1]).add_(beside)

    def beside_first(self) -> "AffineMap":
        """Return the map of the first channel, and of what the others add to it."""
        weight, constant = self.weight.clone(), self.constant.clone()
        weight[..., 1:] -= weight[..., :1]
        constant[..., 1:] -= constant[..., :1]
        of_factors = self.of_factors
        if of_factors is not None:
            of_factors = torch.cat([of_factors[:1], of_factors[1:] - of_factors[:1]])
        return AffineMap(weight, constant, of_factors)

    def added_by(self, factors: Tensor | None) -> Tensor | None:
        """Return what common factors (B, F) add to the forecasts, (B, H, m)."""
        if self.of_factors is None or factors is None:
            return None
        added = factors @ self.of_factors.flatten(0, 1).T  # (B, m·H)
        return added.unflatten(1, self.of_factors.shape[:2]).mT

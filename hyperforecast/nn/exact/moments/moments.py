"""Second moments of windows: sums of products of regressors and targets."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor


@dataclass
class Moments:
    """Sums over windows, for each of n channels with p regressors.

    Attributes
    ----------
    xx : Tensor, shape (n, p, p)
        Regressors with regressors.
    xy : Tensor, shape (n, p, H)
        Regressors with targets, both after the instance norm.
    yy : Tensor, shape (n,)
        Squared targets, summed over steps.
    xf : Tensor, shape (n, p, H, F)
        Regressors with the future covariates of each step.
    ff : Tensor, shape (n, F, F)
        Future covariates with themselves, summed over steps.
    fy : Tensor, shape (n, F)
        Future covariates with the target of their step, summed over steps.
    n_windows : int
    """

    xx: Tensor
    xy: Tensor
    yy: Tensor
    xf: Tensor
    ff: Tensor
    fy: Tensor
    n_windows: int

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @classmethod
    def of_rows(cls, x: Tensor, y: Tensor, f: Tensor) -> "Moments":
        """Return the sums over windows that are written out.

        Parameters
        ----------
        x : Tensor, shape (n, T, p)
            Regressors.
        y : Tensor, shape (n, T, H)
            Targets.
        f : Tensor, shape (n, T, H, F)
            Future covariates.
        """
        return cls(
            x.mT @ x,
            x.mT @ y,
            y.square().sum(dim=(1, 2)),
            torch.einsum("ntp,nthf->nphf", x, f),
            torch.einsum("nthf,nthg->nfg", f, f),
            torch.einsum("nthf,nth->nf", f, y),
            x.shape[1],
        )

    @classmethod
    def zeros(cls, n_channels: int, p: int, horizon: int, n_future: int, like: Tensor) -> "Moments":
        """Return the sums over no windows."""
        n = n_channels
        return cls(
            like.new_zeros(n, p, p),
            like.new_zeros(n, p, horizon),
            like.new_zeros(n),
            like.new_zeros(n, p, horizon, n_future),
            like.new_zeros(n, n_future, n_future),
            like.new_zeros(n, n_future),
            0,
        )

    def add_at(self, places: Tensor, other: "Moments") -> None:
        """Add the sums of other channels to those of some here, (m,), several to one as may be."""
        for name in self._sums():
            getattr(self, name).index_add_(0, places, getattr(other, name))

    @classmethod
    def _sums(cls) -> list[str]:
        return [f.name for f in fields(cls) if f.name != "n_windows"]

    @property
    def n_bytes(self) -> int:
        """Memory that the sums take."""
        return sum(getattr(self, name).nbytes for name in self._sums())

    def _map(self, function: Callable[[Tensor], Tensor]) -> "Moments":
        mapped: dict[str, Any] = {name: function(getattr(self, name)) for name in self._sums()}
        return replace(self, **mapped)

    def summed(self, weights: Tensor) -> "Moments":
        """Return weighted sums over the channels, for every column of ``weights`` (n, m)."""
        return self._map(lambda values: weighted_sums(values, weights))

    def scaled(self, factor: float) -> "Moments":
        """Return the sums with every window counting ``factor`` times as much."""
        return self._map(lambda values: factor * values)

    def channels(self, some: slice) -> "Moments":
        """Return the moments of some channels."""
        return self._map(lambda values: values[some])

    @classmethod
    def stacked(cls, parts: Sequence["Moments"]) -> "Moments":
        """Return the moments of the channels of all parts, over the same windows."""
        if len(parts) == 1:
            return parts[0]
        whole: dict[str, Any] = {n: torch.cat([getattr(p, n) for p in parts]) for n in cls._sums()}
        return replace(parts[0], **whole)

    def squared_error(self, weight: Tensor, future_weight: Tensor) -> Tensor:
        """Return the summed squared error of given weights: a quadratic form, no pass over data.

        Parameters
        ----------
        weight : Tensor, shape (n, H, p)
        future_weight : Tensor, shape (n, F)

        Returns
        -------
        Tensor, shape (n,)
        """
        fitted = torch.bmm(weight, self.xx)  # (n, H, p)
        error = self.yy + ((fitted - 2 * self.xy.mT) * weight).sum(dim=(1, 2))
        if future_weight.shape[1]:
            fitted_future = torch.einsum("nphf,nf->nhp", self.xf, future_weight)
            error = error + 2 * (fitted_future * weight).sum(dim=(1, 2))
            covered = torch.einsum("nfg,ng->nf", self.ff, future_weight)
            error = error + ((covered - 2 * self.fy) * future_weight).sum(dim=1)
        return error


ChannelMoments = Iterable[tuple[slice, Moments]]
"""Moments of all channels, a chunk of them at a time, to be iterated over more than once."""


def weighted_sums(values: Tensor, weights: Tensor) -> Tensor:
    """Return weighted sums over the first axis: (n, ...) and weights (n, m) -> (m, ...)."""
    return torch.tensordot(weights.T, values, dims=1)

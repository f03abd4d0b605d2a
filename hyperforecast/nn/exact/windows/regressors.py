"""The regressors of a channel and the order in which they lie: said here and nowhere else."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

CONSTANT = -1
"""Number of the constant among a channel's regressors."""

PENALISED = slice(None, CONSTANT)
"""The regressors whose weights the ridge penalises: all but the constant."""


class RegressorGroups(NamedTuple):
    """What belongs to each group of regressors; the fields are in the order of the regressors."""

    own: Tensor
    past: Tensor
    factors: Tensor
    static: Tensor
    constant: Tensor


@dataclass(frozen=True)
class Regressors:
    """How many regressors a channel has of each group, and where they lie.

    In this order: its own lags, the oldest first; lags of the past covariates, step by step; lags
    of the common factors, factor by factor; static covariates; the constant. All but the constant
    are penalised.

    Parameters
    ----------
    n_own : int
        Number of own lags, L.
    n_past : int
        Number of lags of Q past covariates, Q·L.
    n_factors : int
        Number of lags of K common factors, K times the lookback of the factors.
    n_static : int
        Number S of static covariates.
    """

    n_own: int
    n_past: int = 0
    n_factors: int = 0
    n_static: int = 0

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of regressors of each group."""
        return self.n_own, self.n_past, self.n_factors, self.n_static, 1

    @property
    def total(self) -> int:
        """Number p of regressors."""
        return sum(self.sizes)

    @property
    def own(self) -> slice:
        """Where the channel's own lags lie."""
        return self._span("own", "own")

    @property
    def past(self) -> slice:
        """Where the lags of the past covariates lie."""
        return self._span("past", "past")

    @property
    def factors(self) -> slice:
        """Where the lags of the common factors lie."""
        return self._span("factors", "factors")

    @property
    def shared(self) -> slice:
        """Where the lags lie that all channels see: of past covariates and of factors."""
        return self._span("past", "factors")

    @property
    def fixed(self) -> slice:
        """Where lies what does not change with the window: static covariates and the constant."""
        return self._span("static", "constant")

    def penalty_groups(self) -> Tensor:
        """Number the groups that the ridge penalises in units of their own: (p - 1,).

        The own lags are one group, each past covariate with all its lags, the common factors, and
        each static covariate.
        """
        n_past = self.n_past // self.n_own if self.n_own else 0
        past = 1 + flatten_past(torch.arange(n_past)[:, None].expand(-1, self.n_own))
        groups = RegressorGroups(
            own=torch.zeros(self.n_own),
            past=past,
            factors=torch.full((self.n_factors,), 1 + n_past),
            static=2 + n_past + torch.arange(self.n_static),
            constant=torch.zeros(0),
        )
        return torch.cat(groups).long()

    def split(self, values: Tensor, dim: int = -1) -> RegressorGroups:
        """Split an axis of regressors into its groups."""
        return RegressorGroups(*values.split(self.sizes, dim=dim))

    def _span(self, first: str, last: str) -> slice:
        names = RegressorGroups._fields
        start, stop = names.index(first), names.index(last) + 1
        return slice(sum(self.sizes[:start]), sum(self.sizes[:stop]))


def join_groups(**groups: Tensor | None) -> Tensor:
    """Concatenate the groups that are given, in the order of the regressors, on the last axis."""
    given = [groups.get(name) for name in RegressorGroups._fields]
    return torch.cat([group for group in given if group is not None], dim=-1)


def append_constant(penalised: Tensor, constant: Tensor) -> Tensor:
    """Put the constant (M, m) to the penalised regressors (M, p - 1, m): (M, p, m)."""
    return torch.cat([penalised, constant[:, None]], dim=1)


def flatten_past(lags: Tensor) -> Tensor:
    """Order lags of past covariates as regressors, step by step: (..., Q, L) -> (..., Q·L)."""
    return lags.mT.flatten(-2)


def flatten_factors(lags: Tensor) -> Tensor:
    """Order lags of common factors as regressors: (..., K, lags) -> (..., K·lags)."""
    return lags.flatten(-2)

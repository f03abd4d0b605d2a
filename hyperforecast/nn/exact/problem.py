"""What is solved, and what the solver returns."""

from dataclasses import dataclass, field, replace
from typing import Self

from torch import Tensor

from hyperforecast.nn.exact.regression import Weights

RIDGES = tuple(10 ** (exponent / 2) for exponent in range(-10, 3))
"""Ridges tried, in units of the mean penalised diagonal of the normal equations."""


@dataclass(frozen=True)
class ExactOptions:
    """What can be set of the exact solver.

    Parameters
    ----------
    ridge : float, optional
        Penalty on the squared weights, in units of the mean diagonal of the normal equations.
        Chosen on validation among 1e-5 … 10 if not given.
    validation_size : float, default=0.2
        Part of the windows, the last of each series, that is held out where no validation
        series is given. The final weights are fitted on all windows.
    embedding_steps : int, default=0
        Most rounds of learning the channel embedding: weights and embedding are solved for in
        turn, both exactly, until validation stops improving. With 0 the embedding is the
        principal components of the training channels' correlation.
    factor_lookback : int, default=12
        Number of most recent steps at which common factors enter (at most the lookback).
    max_memory_gb : float, default=4.0
        Memory that kept moments may take; where they would take more they are made again when
        needed.
    """

    ridge: float | None = None
    validation_size: float = 0.2
    embedding_steps: int = 0
    factor_lookback: int = 12
    max_memory_gb: float = 4.0

    def __post_init__(self) -> None:
        if self.ridge is not None and not self.ridge > 0:
            raise ValueError(f"ridge must be positive; got {self.ridge}.")
        if not 0 < self.validation_size < 1:
            raise ValueError(
                "validation_size must be a part of the windows, between 0 and 1; got "
                f"{self.validation_size}."
            )
        if self.embedding_steps < 0:
            raise ValueError(f"embedding_steps must be >= 0; got {self.embedding_steps}.")
        if self.factor_lookback < 1:
            raise ValueError(f"factor_lookback must be >= 1; got {self.factor_lookback}.")
        if not self.max_memory_gb > 0:
            raise ValueError(f"max_memory_gb must be positive; got {self.max_memory_gb}.")

    @property
    def ridges(self) -> tuple[float, ...]:
        """Ridges to choose from."""
        return RIDGES if self.ridge is None else (self.ridge,)


@dataclass(frozen=True)
class Setting:
    """One entrant of the race on validation.

    Attributes
    ----------
    norm : str
        Instance norm.
    embedding_dim : int
        Length E of the channel embedding; 0 for one weight for all channels.
    individual : bool
        Whether every channel has weights of its own instead.
    n_factors : int
        Number K of common factors.
    ridge : float
        In units of the mean penalised diagonal; zero before it is chosen.
    """

    norm: str
    embedding_dim: int
    individual: bool
    n_factors: int
    ridge: float = 0.0


@dataclass(frozen=True)
class RaceEntry:
    """A setting, its mean squared error on validation, and whether it won over the one before."""

    setting: Setting
    validation_mse: float
    chosen: bool


@dataclass(frozen=True)
class ExactSolution:
    """What the solver found.

    Attributes
    ----------
    setting : Setting
        The winner of the race.
    embedding : Tensor, shape (C, E)
        Channel embedding; with individual weights, the identity.
    loadings : Tensor, shape (C, K)
        Of the common factors.
    factor_lookback : int
    mixing : Tensor, shape (C, M)
        ``[1, embedding]``, or with individual weights the identity.
    weights : Weights
        Of the M mixed weights.
    residual_quantiles : Tensor, shape (C, H, P), optional
        Quantiles of the validation residuals, where asked for; of the training residuals where
        there were too few windows to hold any out.
    race : list of RaceEntry
        In the order in which settings were compared; empty if there were too few windows.
    """

    setting: Setting
    embedding: Tensor
    loadings: Tensor
    factor_lookback: int
    mixing: Tensor
    weights: Weights
    residual_quantiles: Tensor | None = None
    race: list[RaceEntry] = field(default_factory=list)


@dataclass(frozen=True)
class Problem:
    """What is to be forecast from what, and which settings are in the race.

    Attributes
    ----------
    lookback, horizon, shift : int
        L, H and the number of steps between them.
    norms : tuple of str
        Instance norms, the simplest first.
    embedding_dims : tuple of int
        Lengths of the channel embedding, ascending; C means weights of each channel's own.
    n_factors : tuple of int
        Numbers of common factors, ascending.
    dims_are_asked_for, factors_are_asked_for : bool
        Whether the longest embedding, or the largest number of factors, is the user's wish. It
        then wins with any gain on validation; otherwise it has to gain clearly.
    quantiles : tuple of float
        Levels of the residual quantiles wanted.
    """

    lookback: int
    horizon: int
    shift: int = 0
    norms: tuple[str, ...] = ("none",)
    embedding_dims: tuple[int, ...] = (0,)
    n_factors: tuple[int, ...] = (0,)
    dims_are_asked_for: bool = False
    factors_are_asked_for: bool = False
    quantiles: tuple[float, ...] = ()

    def only(self, setting: Setting) -> Self:
        """Return the problem with one setting in the race."""
        return replace(
            self,
            norms=(setting.norm,),
            embedding_dims=(setting.embedding_dim,),
            n_factors=(setting.n_factors,),
        )

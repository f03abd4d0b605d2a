"""What can be set of the exact solver, and the ridges that it compares."""

from dataclasses import dataclass
from inspect import get_annotations
from typing import Any

from hyperforecast.nn.option_values import check_values

RIDGES = tuple(10 ** (exponent / 2) for exponent in range(-10, 7))
"""Ridges tried, for each group of regressors in units of its mean diagonal in the equations."""

FIRST_RIDGE, FIRST_POOLING = 1e-2, RIDGES[10]
"""The first of them that is tried: on weights, and on how far they are from shared ones."""


@dataclass(frozen=True)
class ExactOptions:
    """What can be set of the exact solver.

    Parameters
    ----------
    ridge : float, optional
        Penalty on the squared weights. Own lags, each covariate and the common factors are each
        penalised in units of their mean diagonal in the normal equations. Chosen on validation
        among 1e-5 … 1000 if not given.
    validation_size : float, optional
        Part of the windows, the last of each series, that is held out where no validation
        series is given. If not given, four blocks of them are held out in turn where every
        series is long, at least four times as many windows as a window has rows, and no row has a
        weight; the last fifth where not. The final weights are fitted on all windows.
    embedding_steps : int, default=0
        Most rounds of learning the channel embedding: weights and embedding are solved for in
        turn, both exactly, until validation stops improving, before lengths of the embedding are
        compared. With 0 the embedding stays what it starts from: principal components of the
        training channels' correlation, of their autocorrelations, or of ridge weights of each
        channel's own, whichever is best on validation.
    factor_lookback : int, default=12
        Number of most recent steps at which common factors enter (at most the lookback).
    pool : bool, default=True
        Whether weights of each channel's own are compared that are drawn towards the shared or
        generated ones, where the model may have weights of each channel's own and the memory
        holds the moments of all channels.
    neighbours : bool, default=True
        Whether the last values of all channels are compared with none, as what forecasts of every
        channel go by beside its own past; where the model may have weights of each channel's own,
        and from forty channels on.
    combine : bool, default=True
        Whether the forecasts of lookbacks and instance norms that were compared are added up, each
        by the share that validation gives it; the one that is selected forecasts alone if not.
    max_memory_gb : float, default=4.0
        Memory that moments, blocks of windows and solutions may take, beside the series. What
        would take more is made again when needed.
    choose_every : int, optional
        In a backtest that trains again at every step: number of fits after which the settings are
        compared again. In between the one selected is solved for on the new rows. They are
        compared at the first fit alone if not given, and at every one with 1.
    """

    ridge: float | None = None
    validation_size: float | None = None
    embedding_steps: int = 0
    factor_lookback: int = 12
    pool: bool = True
    neighbours: bool = True
    combine: bool = True
    max_memory_gb: float = 4.0
    choose_every: int | None = None

    def __post_init__(self) -> None:
        check_common(self)
        if self.embedding_steps < 0:
            raise ValueError(f"embedding_steps must be >= 0; got {self.embedding_steps}.")
        if self.factor_lookback < 1:
            raise ValueError(f"factor_lookback must be >= 1; got {self.factor_lookback}.")
        if self.choose_every is not None and self.choose_every < 1:
            raise ValueError(
                f"choose_every must be a number of fits, >= 1; got {self.choose_every}."
            )

    @property
    def ridges(self) -> tuple[float, ...]:
        """Ridges to choose from."""
        return RIDGES if self.ridge is None else (self.ridge,)

    @property
    def first_ridge(self) -> int:
        """Number of the ridge that is tried first."""
        return RIDGES.index(FIRST_RIDGE) if self.ridge is None else 0

    @property
    def first_pooling(self) -> int:
        """Number of the ridge that is tried first on how far weights are from shared ones."""
        return RIDGES.index(FIRST_POOLING) if self.ridge is None else 0


def check_common(options: Any) -> None:
    """Raise if what all solvers have among their options is wrong, or any is of another type."""
    check_values(vars(options), get_annotations(type(options)))
    if options.ridge is not None and not options.ridge > 0:
        raise ValueError(f"ridge must be positive; got {options.ridge}.")
    if options.validation_size is not None and not 0 < options.validation_size < 1:
        raise ValueError(
            "validation_size must be a part of the windows, between 0 and 1; got "
            f"{options.validation_size}."
        )
    if not options.max_memory_gb > 0:
        raise ValueError(f"max_memory_gb must be positive; got {options.max_memory_gb}.")

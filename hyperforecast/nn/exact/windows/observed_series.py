"""A multivariate series and its covariates, as the solver takes them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

BY_ROW = ("target", "past", "future", "weight", "counts", "gaps")
"""What a series has for each of its rows."""


@dataclass(frozen=True)
class ObservedSeries:
    """A multivariate series and what is known beside it, all over the same T rows.

    Its columns are all channels there are, or some of them: a channel's windows may be those of
    several stretches of rows of its own, see :func:`has_own_windows`.

    Attributes
    ----------
    target : Tensor, shape (T, C)
    past : Tensor, shape (T, Q), optional
        Covariates that enter with every lag of the window.
    future : Tensor, shape (T, F), optional
        Covariates that enter at their own step of the horizon.
    static : Tensor, shape (C, S), optional
    start : int, optional
        Number of the first row in a time that all series share, those of several fits, too.
    weight : Tensor, shape (T, C) or (T, 1), optional
        How much the squared error of a forecast of each row counts; not negative.
    counts : Tensor, shape (T,), optional
        Whether the window that begins in a row counts; all do if not given.
    channels : Tensor, shape (C,), int64, optional
        Which of all channels the columns are; all of them, in order, if not given.
    gaps : Tensor, shape (T, C), bool, optional
        Where the target was missing, and is filled; nowhere if not given.
    phase : int, optional
        Of the first row in what repeats, where its periods are known.
    """

    target: Tensor
    past: Tensor | None = None
    future: Tensor | None = None
    static: Tensor | None = None
    start: int | None = None
    weight: Tensor | None = None
    counts: Tensor | None = None
    channels: Tensor | None = None
    gaps: Tensor | None = None
    phase: int | None = None

    @property
    def known(self) -> Tensor:
        """The target (T, C) as it was observed, NaN where it was missing."""
        return self.target if self.gaps is None else self.target.masked_fill(self.gaps, torch.nan)

    @property
    def n_rows(self) -> int:
        """Number T of rows."""
        return self.target.shape[0]

    @property
    def n_channels(self) -> int:
        """Number C of channels in the columns."""
        return self.target.shape[1]

    @property
    def numbers(self) -> Tensor:
        """Which of all channels the columns are, (C,), int64."""
        if self.channels is not None:
            return self.channels
        return torch.arange(self.n_channels, device=self.target.device)

    @property
    def n_past(self) -> int:
        """Number Q of past covariates."""
        return 0 if self.past is None else self.past.shape[1]

    @property
    def n_future(self) -> int:
        """Number F of future covariates."""
        return 0 if self.future is None else self.future.shape[1]

    @property
    def n_static(self) -> int:
        """Number S of static covariates."""
        return 0 if self.static is None else self.static.shape[1]

    @property
    def is_weighted(self) -> bool:
        """Whether not every window, or not every row, counts the same."""
        return self.weight is not None or self.counts is not None

    def to(self, device: torch.device) -> Self:
        """Return the series on a device."""
        if self.target.device == device:
            return self
        return self._map(lambda values: values.to(device), (*BY_ROW, "static", "channels"))

    def rows(self, start: int, stop: int) -> Self:
        """Return rows ``start`` to ``stop``."""
        counted = {"start": self.start, "phase": self.phase}
        later = {name: None if first is None else first + start for name, first in counted.items()}
        return self._map(lambda values: values[start:stop], BY_ROW, **later)

    def _map(
        self, function: Callable[[Tensor], Tensor], names: Sequence[str], **others: Any
    ) -> Self:
        for name in names:
            values = getattr(self, name)
            if values is not None:
                others[name] = function(values)
        return self.replaced(**others)

    def replaced(self, **values: Any) -> Self:
        """Return the series with other values of some attributes.

        As :func:`dataclasses.replace`, which takes longer than all else that is done for a short
        series.
        """
        other = object.__new__(type(self))
        vars(other).update(vars(self) | values)
        return other


def has_own_windows(series: Sequence[ObservedSeries]) -> bool:
    """Say whether channels have windows of their own: series hold some of the channels each."""
    return any(one.channels is not None for one in series)

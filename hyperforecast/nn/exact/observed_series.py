"""A multivariate series and its covariates, as the solver takes them."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class ObservedSeries:
    """A multivariate series and what is known beside it, all over the same T rows.

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
    """

    target: Tensor
    past: Tensor | None = None
    future: Tensor | None = None
    static: Tensor | None = None
    start: int | None = None

    @property
    def n_channels(self) -> int:
        """Number C of channels."""
        return self.target.shape[1]

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

    def to(self, device: torch.device) -> Self:
        """Return the series on a device."""
        return type(self)(
            self.target.to(device),
            None if self.past is None else self.past.to(device),
            None if self.future is None else self.future.to(device),
            None if self.static is None else self.static.to(device),
            self.start,
        )

    def rows(self, start: int, stop: int) -> Self:
        """Return rows ``start`` to ``stop``."""
        return type(self)(
            self.target[start:stop],
            None if self.past is None else self.past[start:stop],
            None if self.future is None else self.future[start:stop],
            self.static,
            None if self.start is None else self.start + start,
        )

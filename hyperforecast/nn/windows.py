"""Windows cut out of series, as a network takes them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from hyperforecast.nn.exact import ObservedSeries


class Windows(NamedTuple):
    """Some windows of a series.

    Attributes
    ----------
    past_target : Tensor, shape (B, L, C)
    past_covariates : Tensor, shape (B, L, Q), optional
    future_covariates : Tensor, shape (B, H, F), optional
    static_covariates : Tensor, shape (B, C, S), optional
    future_target : Tensor, shape (B, H, C)
    weight : Tensor, shape (B, H, C or 1), optional
        Of the future targets.
    phase : Tensor, shape (B, 2), int64, optional
        Of the first step and of the first one that is forecast.
    """

    past_target: Tensor
    past_covariates: Tensor | None
    future_covariates: Tensor | None
    static_covariates: Tensor | None
    future_target: Tensor
    weight: Tensor | None
    phase: Tensor | None


@dataclass(frozen=True)
class WindowCutter:
    """Cuts windows out of series.

    Attributes
    ----------
    lookback, horizon, shift : int
        L, H and the number of steps between them.
    dtype : torch.dtype
        Of the windows.
    """

    lookback: int
    horizon: int
    shift: int
    dtype: torch.dtype

    @property
    def width(self) -> int:
        """Number of rows that a window spans."""
        return self.lookback + self.shift + self.horizon

    def starts(self, series: ObservedSeries) -> Tensor:
        """Return the rows in which windows begin that count, ascending."""
        if series.counts is not None:
            return series.counts[: len(series.target) - self.width + 1].nonzero().flatten()
        return torch.arange(max(0, len(series.target) - self.width + 1))

    def cut(self, series: ObservedSeries, starts: Tensor) -> Windows:
        """Return the windows that begin in some rows."""

        def windows(values: Tensor) -> Tensor:  # (T, m) -> (B, width, m)
            return values.to(self.dtype).unfold(0, self.width, 1)[starts].mT

        target = windows(series.target)
        past = None if series.past is None else windows(series.past)[:, : self.lookback]
        future = None if series.future is None else windows(series.future)[:, -self.horizon :]
        static = None
        if series.static is not None:
            static = series.static.to(self.dtype).expand(len(starts), -1, -1)
        weight = None if series.weight is None else windows(series.weight)[:, -self.horizon :]
        phase = None
        if series.phase is not None:
            phase = series.phase + starts[:, None] + torch.tensor([0, self.width - self.horizon])
        before, ahead = target[:, : self.lookback], target[:, -self.horizon :]
        return Windows(before, past, future, static, ahead, weight, phase)

    def observed_target(self, series: ObservedSeries, starts: Tensor, windows: Windows) -> Tensor:
        """Return the future target of windows cut out of a series, NaN where it was missing."""
        if series.gaps is None:
            return windows.future_target
        gaps = series.gaps.unfold(0, self.width, 1)[starts].mT[:, -self.horizon :]
        return windows.future_target.masked_fill(gaps, torch.nan)

    def blocks(self, series: Sequence[ObservedSeries], size: int) -> Iterator[Windows]:
        """Yield all windows that count, at most ``size`` of one series at a time."""
        for one in series:
            for starts in self.starts(one).split(size):
                yield self.cut(one, starts)

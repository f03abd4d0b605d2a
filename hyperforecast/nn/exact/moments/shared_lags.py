"""Regressors that all channels see, where windows are linear in them: lags of a few series."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from hyperforecast.nn.exact.moments.shared_products import (
    ChannelPiece,
    SharedProducts,
    SharedRegressors,
    squared_steps,
)
from hyperforecast.nn.exact.moments.window_products import (
    lagged_products,
    offset_sums,
    window_means,
)
from hyperforecast.nn.exact.windows.layout import WindowLayout
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries
from hyperforecast.nn.exact.windows.regressors import flatten_factors, flatten_past
from hyperforecast.nn.series.correlate import correlate


@dataclass(frozen=True)
class SharedLags:
    """Lags of J series that every channel's regression sees.

    Attributes
    ----------
    series : Tensor, shape (J, >= T + n_lags - 1)
        From the first lag's first step on.
    n_lags : int
        Number of consecutive lags.
    level : Tensor, shape (J, T), optional
        What the instance norm subtracts from each window's lags.
    flatten : callable
        Orders lags (..., J, n_lags) as regressors (..., J·n_lags).
    """

    series: Tensor
    n_lags: int
    level: Tensor | None
    flatten: Callable[[Tensor], Tensor]

    @classmethod
    def of(cls, series: ObservedSeries, layout: WindowLayout) -> list[Self]:
        """Return the lags that all channels of a series see, in the order of the regressors."""
        found = []
        if series.past is not None and series.n_past:
            past = series.past[layout.unused :].T.contiguous()
            found.append(cls(past, layout.n_lags, None, flatten_past))
        if layout.loadings is not None and layout.n_factors:
            n_windows, n_steps = layout.n_windows(series), layout.level_steps
            factors = (series.target @ layout.loadings).T.contiguous()  # (K, T)
            level = None
            if n_steps:
                seen = factors[:, layout.lookback - n_steps :]
                level = window_means(seen, n_steps)[:, :n_windows]
            recent = factors[:, layout.factor_inputs.start :]
            found.append(cls(recent, layout.factor_lookback, level, flatten_factors))
        return found

    @classmethod
    def of_future(cls, series: ObservedSeries, layout: WindowLayout) -> Self:
        """Return the future covariates, step by step: "lags" that lie in the horizon."""
        assert series.future is not None
        ahead = series.future.T.contiguous()[:, layout.targets.start :]
        return cls(ahead, layout.horizon, None, flatten_past)

    def products(self, x: Tensor, n_windows: int, width: int) -> Tensor:
        """Return the products with windows of other series x (m, ...): (m, width, J·n_lags)."""
        lags = lagged_products(x[:, None], self.series[None], n_windows, width, self.n_lags)
        if self.level is not None:  # (m, J, width, n_lags)
            lags = lags - correlate(self.level[None], x[:, None], width).unsqueeze(-1)
        return self.flatten(lags.transpose(1, 2))

    def products_with(self, other: Self, n_windows: int) -> Tensor:
        """Return the products with other shared lags: (J·n_lags, J'·n_lags')."""
        theirs = other.products(self.series, n_windows, self.n_lags)  # (J, n_lags, J'·n_lags')
        if self.level is not None:
            # a level is a window of one step
            theirs = theirs - other.products(self.level, n_windows, 1)
        return self.flatten(theirs.movedim(-1, 0)).T

    def sums(self, n_windows: int) -> Tensor:
        """Return the sums over windows, (J·n_lags,)."""
        lags = offset_sums(self.series, n_windows, self.n_lags)
        if self.level is not None:
            lags = lags - self.level.sum(dim=1, keepdim=True)
        return self.flatten(lags)


class LinearRegressors(SharedRegressors):
    """Shared regressors that are linear in the window: their products have a recurrence.

    What does not depend on the channels is made once.
    """

    def __init__(self, series: ObservedSeries, layout: WindowLayout) -> None:
        super().__init__(series, layout)
        n_windows = self.n_windows
        self._lags = SharedLags.of(series, layout)
        where, like = layout.regressors(series), series.target
        n_shared = where.shared.stop - where.shared.start
        self._sums = like.new_zeros(n_shared)
        self._among = like.new_zeros(n_shared, n_shared)
        if self._lags:
            self._sums = torch.cat([lags.sums(n_windows) for lags in self._lags])
            self._among = torch.cat([self._with_shared(lags, n_windows) for lags in self._lags])
        self._future: SharedLags | None = None
        self._steps = (layout.horizon, series.n_future)
        self._squares = like.new_zeros(series.n_future, series.n_future)
        if series.future is not None and series.n_future:
            self._future = SharedLags.of_future(series, layout)
            first = layout.targets.start
            steps = squared_steps(series.future, first, n_windows, layout.horizon)
            self._squares = steps.sum(dim=0)

    def _with_shared(self, lags: SharedLags, n_windows: int) -> Tensor:
        return torch.cat([lags.products_with(other, n_windows) for other in self._lags], dim=1)

    def products(self, piece: ChannelPiece) -> SharedProducts:
        """Return the products of some channels' windows with them."""
        n_windows, width = self.n_windows, self.layout.width
        x = piece.summed(piece.rows.T.contiguous())  # (m, T)
        fixed = piece.summed(piece.fixed)  # (m, S + 1)
        mass = piece.summed(piece.fixed.new_ones(len(piece.fixed)))  # (m,)

        def with_channels(several: list[SharedLags]) -> Tensor:  # (m, width, J·n_lags)
            parts = [lags.products(x, n_windows, width) for lags in several]
            none = x.new_zeros(len(x), width, 0)
            return self.layout.remove_level(torch.cat(parts, dim=2) if parts else none)

        future = [] if self._future is None else [self._future]
        in_future = x.new_zeros(len(self._sums), self._steps[0] * self._steps[1])
        future_sums = x.new_zeros(in_future.shape[1])
        if self._future is not None:
            future_sums = self._future.sums(n_windows)
            if self._lags:
                parts = [lags.products_with(self._future, n_windows) for lags in self._lags]
                in_future = torch.cat(parts)
        return SharedProducts(
            own=with_channels(self._lags),
            shared=mass[:, None, None] * self._among,
            fixed=fixed[:, :, None] * self._sums,
            own_future=with_channels(future).unflatten(2, self._steps),
            shared_future=(mass[:, None, None] * in_future).unflatten(2, self._steps),
            fixed_future=(fixed[:, :, None] * future_sums).unflatten(2, self._steps),
            future=mass[:, None, None] * self._squares,
        )

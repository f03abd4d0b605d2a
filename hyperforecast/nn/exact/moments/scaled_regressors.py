"""Regressors that all channels see, under RevIN: multiplied by each window's deviation."""

from collections.abc import Iterator

import torch
from torch import Tensor

from hyperforecast.nn.exact.moments.shared_products import (
    ChannelPiece,
    SharedProducts,
    SharedRegressors,
    squared_steps,
)
from hyperforecast.nn.exact.moments.window_products import symmetric, window_means
from hyperforecast.nn.exact.windows.layout import WindowLayout
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries
from hyperforecast.nn.exact.windows.regressors import flatten_factors, flatten_past

MIN_BLOCK, MAX_BLOCK, MAX_FACTOR_BLOCK = 16, 256, 1024
"""Numbers of windows that are multiplied at a time: fewer would cost more, more gain nothing."""

STRIP = 64
"""Number of shared regressors whose products with those after them are taken at a time."""


class ScaledRegressors(SharedRegressors):
    r"""Shared regressors under RevIN, whose products with windows have no recurrence.

    With deviations :math:`d_n(t)` the products of a channel's windows with what it shares are
    :math:`\sum_t d_n(t)\, x_n(t+i)\, s_j(t)` and :math:`\sum_t d_n(t)^2\, s_i(t)\, s_j(t)`.
    Blocks of windows are written out, and multiplied as matrices. Weighted sums over channels are
    taken before the products, :math:`\sum_n v_{nm} d_n(t)\, x_n(t+i)`, so the products cost no
    more for more channels.

    Parameters
    ----------
    series : ObservedSeries
    layout : WindowLayout
    max_bytes : int
        Memory that a block of windows may take.
    """

    def __init__(self, series: ObservedSeries, layout: WindowLayout, max_bytes: int) -> None:
        super().__init__(series, layout)
        self.max_bytes = max_bytes
        where = layout.regressors(series)
        self._n_shared = where.shared.stop - where.shared.start
        self._n_seen = self._n_shared + layout.horizon * series.n_future
        size = 8 * self.n_windows * layout.n_factors * layout.factor_lookback
        self._factors: Tensor | None = None
        if 0 < size <= max_bytes:
            self._factors = torch.cat([self._factor_lags(some) for some in self._factor_blocks()])

    def products(self, piece: ChannelPiece) -> SharedProducts:
        """Return the products of some channels' windows with them."""
        assert piece.deviation is not None
        layout, width, n_sums = self.layout, self.layout.width, piece.n_sums
        n_shared, n_seen, n_fixed = self._n_shared, self._n_seen, piece.fixed.shape[1]
        own = piece.rows.new_zeros(width * n_sums, n_seen)
        shared = piece.rows.new_zeros(n_shared * n_sums, n_seen)
        fixed = piece.rows.new_zeros(n_sums * n_fixed, n_seen)
        future = piece.rows.new_zeros(n_sums, self.series.n_future**2)
        # the same weights for each of what is fixed
        weighted = piece.fixed
        if piece.weights is not None:
            weighted = (piece.weights[:, :, None] * piece.fixed[:, None]).flatten(1)
        for some in self._blocks(piece):
            seen = self._seen(some)  # (B, q + H·F)
            deviation = piece.deviation[:, some].T  # (B, n)
            rows = piece.rows[some.start : some.stop + width - 1]
            energy = deviation.square()
            if piece.weights is None:
                windows = rows.unfold(0, width, 1).mT * deviation[:, None]  # (B, width, n)
                squares = energy
                constants = (energy[:, :, None] * weighted).flatten(1)
            else:
                windows = combined_windows(rows, deviation, piece.weights, width)
                squares, constants = energy @ piece.weights, energy @ weighted
            own.addmm_(windows.flatten(1).T, seen)
            for strip in _cut(n_shared, STRIP):  # what lies below the diagonal is mirrored
                scaled = seen[:, strip, None] * squares[:, None]  # (B, strip, m)
                above = shared[strip.start * n_sums : strip.stop * n_sums, strip.start :]
                above.addmm_(scaled.flatten(1).T, seen[:, strip.start :])
            fixed.addmm_(constants.T, seen)
            if self.series.future is not None:
                first = layout.targets.start + some.start
                squared = squared_steps(self.series.future, first, len(seen), layout.horizon)
                future.addmm_(squares.T, squared.flatten(1))
        own = layout.remove_level(own.view(width, n_sums, n_seen).transpose(0, 1))
        shared = shared.view(n_shared, n_sums, n_seen).transpose(0, 1)
        fixed = fixed.view(n_sums, n_fixed, n_seen)
        steps = (layout.horizon, self.series.n_future)
        return SharedProducts(
            own=own[..., :n_shared],
            shared=symmetric(shared[..., :n_shared]),
            fixed=fixed[..., :n_shared],
            own_future=own[..., n_shared:].unflatten(2, steps),
            shared_future=shared[..., n_shared:].unflatten(2, steps),
            fixed_future=fixed[..., n_shared:].unflatten(2, steps),
            future=future.view(n_sums, self.series.n_future, self.series.n_future),
        )

    def _blocks(self, piece: ChannelPiece) -> Iterator[slice]:
        """Cut the windows into blocks that fit in memory."""
        n_channels, n_sums = len(piece.fixed), piece.n_sums
        values = n_sums * (3 * self.layout.width + 2 * min(STRIP, self._n_shared))
        values += n_channels * (n_sums if piece.weights is not None else 4) + 3 * self._n_seen
        return _cut(self.n_windows, self.max_bytes // (8 * values), MAX_BLOCK)

    def _factor_blocks(self) -> Iterator[slice]:
        layout, n_channels = self.layout, self.series.n_channels
        n_sums, lags = layout.n_factors, layout.factor_lookback
        values = n_sums * (3 * lags + MIN_BLOCK) + n_channels * (n_sums + 6)
        return _cut(self.n_windows, self.max_bytes // (8 * values), MAX_FACTOR_BLOCK)

    def _seen(self, some: slice) -> Tensor:
        """Write out shared regressors and future covariates of some windows, (B, q + H·F)."""
        layout, series = self.layout, self.series
        rows = slice(some.start, some.stop + layout.width - 1)
        past = factors = None
        if series.past is not None:
            windows = series.past[rows].unfold(0, layout.width, 1)  # (B, Q, width)
            past = flatten_past(windows[..., layout.inputs])
        if self._factors is not None:
            factors = self._factors[some]
        elif layout.n_factors:
            factors = self._factor_lags(some)
        seen = [group for group in (past, factors) if group is not None]
        if series.future is not None:
            windows = series.future[rows].unfold(0, layout.width, 1)
            seen.append(flatten_past(windows[..., layout.targets]))
        return torch.cat(seen, dim=1)

    def _factor_lags(self, some: slice) -> Tensor:
        """Return the lags of the common factors of some windows, (B, K·lags)."""
        layout = self.layout
        assert layout.loadings is not None
        assert self.deviation is not None
        rows = self.series.target[some.start : some.stop + layout.lookback - 1]
        scale = self.deviation[:, some].T.reciprocal()  # (B, C)
        level = window_means(rows[layout.unused :].T, layout.n_lags).T
        level = (level * scale) @ layout.loadings  # (B, K)
        recent = rows[layout.factor_inputs.start :]
        lags = combined_windows(recent, scale, layout.loadings, layout.factor_lookback)
        return flatten_factors((lags - level[:, None]).mT)


def combined_windows(rows: Tensor, scale: Tensor, weights: Tensor, width: int) -> Tensor:
    r"""Return :math:`\sum_n v_{nm}\, s_n(t)\, x_n(t+i)`: windows combined over channels.

    All rows are multiplied with all windows' weights, in one product of matrices; the band where
    a row lies in a window is taken.

    Parameters
    ----------
    rows : Tensor, shape (B + width - 1, n)
    scale : Tensor, shape (B, n)
    weights : Tensor, shape (n, m)
    width : int

    Returns
    -------
    Tensor, shape (B, width, m)
    """
    parts = []
    for some in _cut(len(scale), max(width, MIN_BLOCK)):
        scaled = scale[some].T[:, :, None] * weights[:, None]  # (n, B, m)
        band = rows[some.start : some.stop + width - 1] @ scaled.flatten(1)
        band = band.unflatten(1, scaled.shape[1:])  # (B + width - 1, B, m)
        parts.append(band.unfold(0, width, 1).diagonal(dim1=0, dim2=1))  # (m, width, B)
    return torch.cat(parts, dim=2).permute(2, 1, 0)


def _cut(count: int, *steps: int) -> Iterator[slice]:
    """Cut a range into pieces no longer than any of the steps."""
    step = max(1, min(steps))
    return (slice(start, min(start + step, count)) for start in range(0, count, step))

"""Moments of all windows, without writing them out."""

from collections.abc import Iterable

import torch
from torch import Tensor

from hyperforecast.nn.exact.linear_algebra import set_symmetric
from hyperforecast.nn.exact.moments.moments import Moments
from hyperforecast.nn.exact.moments.scaled_regressors import ScaledRegressors
from hyperforecast.nn.exact.moments.shared_lags import LinearRegressors
from hyperforecast.nn.exact.moments.shared_products import ChannelPiece, SharedRegressors
from hyperforecast.nn.exact.moments.window_products import (
    lagged_products,
    offset_sums,
    pieces,
)
from hyperforecast.nn.exact.windows.layout import WindowLayout
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries
from hyperforecast.nn.exact.windows.regressors import join_groups
from hyperforecast.nn.series.correlate import correlate

BLOCK_BYTES = 2**26
"""Memory that a block of windows may take where no bound is given: more would gain nothing."""


def window_moments(
    series: Iterable[ObservedSeries], layout: WindowLayout, channels: slice = slice(None)
) -> Moments:
    """Return the moments of every window of every series, for the given channels.

    Time and memory do not depend on the number of windows times their width squared: each
    channel costs O(T log T) for the first row and O(width²) for the rest. Only RevIN together
    with covariates or factors, whose regressors are multiplied by each window's deviation, takes
    products of matrices over blocks of windows.

    Parameters
    ----------
    series : iterable of ObservedSeries
        Each at least ``layout.width`` rows long; float64.
    layout : WindowLayout
    channels : slice
        Which channels to return; factors are always made of all.
    """
    total: Moments | None = None
    for one in series:
        x = one.target[:, channels].T.contiguous()
        own = lagged_products(x, x, layout.n_windows(one), layout.width, layout.width)
        moments = series_moments(one, layout, own, shared_regressors(one, layout), channels)
        total = moments if total is None else total + moments
    if total is None:
        raise ValueError("No series to take moments of.")
    return total


def shared_regressors(
    series: ObservedSeries, layout: WindowLayout, max_bytes: int = BLOCK_BYTES
) -> SharedRegressors:
    """Return what all channels of a series see under a layout.

    Parameters
    ----------
    series : ObservedSeries
    layout : WindowLayout
    max_bytes : int
        Memory that blocks of windows may take, where there are any.
    """
    if layout.recurs(series):
        return LinearRegressors(series, layout)
    return ScaledRegressors(series, layout, min(max_bytes, BLOCK_BYTES))


def series_moments(
    series: ObservedSeries,
    layout: WindowLayout,
    own: Tensor,
    shared: SharedRegressors,
    channels: slice | Tensor = slice(None),
    weights: Tensor | None = None,
) -> Moments:
    """Return the moments of a series, given the products of the channels' own windows.

    Parameters
    ----------
    series : ObservedSeries
    layout : WindowLayout
    own : Tensor, shape (m, width, width)
        Products of each channel's windows with themselves, or their weighted sums.
    shared : SharedRegressors
        Of the series under the layout.
    channels : slice or Tensor of int64
        Which n channels to take.
    weights : Tensor, shape (n, m), optional
        If given, weighted sums over the channels are returned, those of each column. What
        channels share is made once for each sum, not for each channel.
    """
    n_windows = layout.n_windows(series)
    rows = series.target[:, channels]
    n_channels = rows.shape[1]
    static = None if series.static is None else series.static[channels]
    fixed = join_groups(static=static, constant=rows.new_ones(n_channels, 1))  # (n, S + 1)
    deviation = None if shared.deviation is None else shared.deviation[channels]
    piece = ChannelPiece(rows, fixed, deviation, weights)
    own = layout.remove_level(layout.remove_level(own).mT).mT  # (m, width, width)
    own_sum, energy = _products_with_constant(piece, layout, n_windows)  # (n, width), (n,)
    inputs, targets = layout.inputs, layout.targets
    where = layout.regressors(series)
    products = shared.products(piece)

    xx = own.new_empty(len(own), where.total, where.total)
    xy = own.new_empty(len(own), where.total, layout.horizon)
    xx[:, where.own, where.own] = own[:, inputs, inputs]
    xy[:, where.own] = own[:, inputs, targets]
    set_symmetric(xx, where.own, where.shared, products.own[:, inputs])
    xy[:, where.shared] = products.own[:, targets].mT
    xx[:, where.shared, where.shared] = products.shared
    set_symmetric(xx, where.fixed, where.shared, products.fixed)
    # what is fixed does not change with the window: it is a multiple of the constant
    sums = own_sum[:, :, None] * fixed[:, None]  # (n, width, S + 1)
    set_symmetric(xx, where.own, where.fixed, piece.summed(sums[:, inputs]))
    xy[:, where.fixed] = piece.summed(sums[:, targets]).mT
    squares = energy[:, None, None] * fixed[:, :, None] * fixed[:, None, :]
    xx[:, where.fixed, where.fixed] = piece.summed(squares)
    yy = own[:, targets, targets].diagonal(dim1=1, dim2=2).sum(dim=1)

    xf = own.new_empty(len(own), where.total, layout.horizon, series.n_future)
    xf[:, where.own] = products.own_future[:, inputs]
    xf[:, where.shared] = products.shared_future
    xf[:, where.fixed] = products.fixed_future
    # (m, H, H, F) -> (m, F)
    fy = products.own_future[:, targets].diagonal(dim1=1, dim2=2).sum(dim=2)
    return Moments(xx, xy, yy, xf, products.future, fy, n_windows)


def _products_with_constant(
    piece: ChannelPiece, layout: WindowLayout, n_windows: int
) -> tuple[Tensor, Tensor]:
    """Return the products of each channel's windows with the constant, and of it with itself.

    The constant is one, or under RevIN the window's deviation.

    Returns
    -------
    Tensor, shape (n, width)
    Tensor, shape (n,)
    """
    x = piece.rows.T
    if piece.deviation is None:
        sums = offset_sums(x, n_windows, layout.width)
        energy = x.new_full((len(x),), n_windows)
    else:
        parts = [correlate(piece.deviation[some], x[some], layout.width) for some in pieces(x)]
        sums = torch.cat(parts)
        energy = torch.linalg.vector_norm(piece.deviation, dim=1).square()
    return layout.remove_level(sums.unsqueeze(-1)).squeeze(-1), energy

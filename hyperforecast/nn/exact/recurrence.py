"""Moments of all windows by recurrence, without visiting the windows."""

from collections.abc import Iterable

import torch
from torch import Tensor

from hyperforecast.nn.exact.layout import WindowLayout
from hyperforecast.nn.exact.linear_algebra import set_symmetric
from hyperforecast.nn.exact.moments import Moments, weighted_sums
from hyperforecast.nn.exact.observed_series import ObservedSeries
from hyperforecast.nn.exact.regressors import join_groups
from hyperforecast.nn.exact.shared_lags import SharedLags
from hyperforecast.nn.exact.window_products import (
    correlate,
    lagged_products,
    offset_sums,
    window_means,
)
from hyperforecast.nn.instance_norm import RevIN


def window_moments(
    series: Iterable[ObservedSeries], layout: WindowLayout, channels: slice = slice(None)
) -> Moments:
    """Return the moments of every window of every series, for the given channels.

    Time and memory do not depend on the number of windows times their width squared: each
    channel costs O(T log T) for the first row and O(width²) for the rest.

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
        moments = series_moments(one, layout, own, channels)
        total = moments if total is None else total + moments
    if total is None:
        raise ValueError("No series to take moments of.")
    return total


def series_moments(
    series: ObservedSeries,
    layout: WindowLayout,
    own: Tensor,
    channels: slice = slice(None),
    weights: Tensor | None = None,
) -> Moments:
    """Return the moments of a series, given the products of the channels' own windows.

    Parameters
    ----------
    series : ObservedSeries
    layout : WindowLayout
    own : Tensor, shape (m, width, width)
        Products of each channel's windows with themselves, or their weighted sums.
    channels : slice
        Which n channels to take.
    weights : Tensor, shape (n, m), optional
        If given, weighted sums over the channels are returned, those of each column. What
        channels share is made once for each sum, not for each channel.
    """
    n_windows = layout.n_windows(series)
    if not layout.recurs(series):
        raise ValueError(
            "RevIN scales covariates and factors by the window, so their moments have no "
            "recurrence: use block_moments."
        )

    def summed(values: Tensor) -> Tensor:  # (n, ...) -> (m, ...)
        return values if weights is None else weighted_sums(values, weights)

    x = series.target[:, channels].T.contiguous()  # (n, T)
    static = None if series.static is None else series.static[channels]
    fixed = join_groups(static=static, constant=x.new_ones(len(x), 1))  # (n, S + 1)
    total, total_fixed = summed(x), summed(fixed)  # (m, T), (m, S + 1)
    mass = summed(x.new_ones(len(x)))  # (m,), of what is the same for all channels
    own = layout.remove_level(layout.remove_level(own).mT).mT  # (m, width, width)
    own_sum, energy = _products_with_constant(x, layout, n_windows)  # (n, width), (n,)
    inputs, targets, width = layout.inputs, layout.targets, layout.width
    where = layout.regressors(series)
    shared = SharedLags.of(series, layout)

    xx = own.new_empty(len(own), where.total, where.total)
    xy = own.new_empty(len(own), where.total, layout.horizon)
    xx[:, where.own, where.own] = own[:, inputs, inputs]
    xy[:, where.own] = own[:, inputs, targets]
    for place, lags in shared:
        cross = layout.remove_level(lags.products(total, n_windows, width))  # (m, width, p')
        set_symmetric(xx, where.own, place, cross[:, inputs])
        xy[:, place] = cross[:, targets].mT
        for other_place, other in shared:
            among = lags.products_with(other, n_windows)
            xx[:, place, other_place] = mass[:, None, None] * among
        sums = lags.sums(n_windows)[:, None]  # (p', 1)
        set_symmetric(xx, place, where.fixed, sums * total_fixed[:, None])
    # what is fixed does not change with the window: it is a multiple of the constant
    sums = own_sum[:, :, None] * fixed[:, None]  # (n, width, S + 1)
    set_symmetric(xx, where.own, where.fixed, summed(sums[:, inputs]))
    xy[:, where.fixed] = summed(sums[:, targets]).mT
    squares = energy[:, None, None] * fixed[:, :, None] * fixed[:, None, :]
    xx[:, where.fixed, where.fixed] = summed(squares)
    yy = own[:, targets, targets].diagonal(dim1=1, dim2=2).sum(dim=1)

    xf, ff, fy = _products_with_future(series, layout, total, total_fixed, mass)
    return Moments(xx, xy, yy, xf, ff, fy, n_windows)


def _products_with_constant(
    x: Tensor, layout: WindowLayout, n_windows: int
) -> tuple[Tensor, Tensor]:
    """Return the products of each channel's windows with the constant, and of it with itself.

    The constant is one, or under RevIN the window's deviation.

    Returns
    -------
    Tensor, shape (n, width)
    Tensor, shape (n,)
    """
    if layout.norm == "revin":
        constant = _deviations(x, layout.lookback, n_windows)  # (n, windows)
        sums = correlate(constant, x, layout.width)
        energy = constant.square().sum(dim=1)
    else:
        sums = offset_sums(x, n_windows, layout.width)
        energy = x.new_full((len(x),), n_windows)
    return layout.remove_level(sums.unsqueeze(-1)).squeeze(-1), energy


def _products_with_future(
    series: ObservedSeries, layout: WindowLayout, x: Tensor, fixed: Tensor, mass: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the moments of the future covariates: ``xf``, ``ff`` and ``fy`` of :class:`Moments`.

    Parameters
    ----------
    series : ObservedSeries
    layout : WindowLayout
    x : Tensor, shape (m, T)
        Channels, or their weighted sums.
    fixed : Tensor, shape (m, S + 1)
        Their static covariates and constants.
    mass : Tensor, shape (m,)
        How often what is the same for all channels counts.
    """
    n_windows, where = layout.n_windows(series), layout.regressors(series)
    inputs, targets, width = layout.inputs, layout.targets, layout.width
    n_sums, n_future = len(x), series.n_future
    xf = x.new_zeros(n_sums, where.total, layout.horizon, n_future)
    if series.future is None or not n_future:
        return xf, x.new_zeros(n_sums, n_future, n_future), x.new_zeros(n_sums, n_future)
    future = series.future.T.contiguous()  # (F, T)

    def products(a: Tensor) -> Tensor:
        return lagged_products(a[:, None], future[None], n_windows, width, width)

    cross = products(x).transpose(1, 2)  # (m, width, F, width)
    cross = layout.remove_level(cross.flatten(2)).view(cross.shape)[..., targets]
    xf[:, where.own] = cross[:, inputs].mT
    fy = cross[:, targets].diagonal(dim1=1, dim2=3).sum(dim=2)
    for place, lags in SharedLags.of(series, layout):
        seen = lags.products(future, n_windows, width)[:, targets]  # (F, H, p')
        xf[:, place] = mass[:, None, None, None] * seen.permute(2, 1, 0)
    sums = offset_sums(future, n_windows, width)[:, targets]
    xf[:, where.fixed] = torch.einsum("ms,fh->mshf", fixed, sums)
    ff = products(future)[..., targets, targets].diagonal(dim1=2, dim2=3).sum(dim=2)
    return xf, mass[:, None, None] * ff, fy


def _deviations(x: Tensor, lookback: int, n_windows: int) -> Tensor:
    """Return RevIN's deviation of every window, (n, windows)."""
    x = x - x.mean(dim=-1, keepdim=True)
    variance = window_means(x.square(), lookback) - window_means(x, lookback).square()
    return (variance[:, :n_windows].clamp(min=0) + RevIN.epsilon).sqrt()

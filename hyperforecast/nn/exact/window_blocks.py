"""Moments of series of few windows: all windows of all of them, written out together."""

from collections.abc import Sequence

import torch
from torch import Tensor

from hyperforecast.nn.exact.design_matrix import design_matrix
from hyperforecast.nn.exact.layout import WindowLayout
from hyperforecast.nn.exact.moments import Moments
from hyperforecast.nn.exact.observed_series import ObservedSeries

MAX_SHORT = 2**16
"""Number of values in the windows of all channels up to which a series is short."""


def is_short(series: ObservedSeries, layout: WindowLayout) -> bool:
    """Say whether a series' windows are so few that writing them out costs less than not to."""
    return layout.n_windows(series) * layout.width * series.n_channels <= MAX_SHORT


def block_moments(
    series: Sequence[ObservedSeries],
    layout: WindowLayout,
    channels: slice = slice(None),
    max_bytes: int = 2**26,
    weights: Tensor | None = None,
) -> Moments:
    """Return the same as :func:`window_moments` by visiting every window, in blocks.

    The series are joined, so a block goes over as many of them as it holds.

    Parameters
    ----------
    series : sequence of ObservedSeries
        Each at least ``layout.width`` rows long; float64.
    layout : WindowLayout
    channels : slice
        Which n channels to take; factors are always made of all.
    max_bytes : int
        Memory that a block of windows may take.
    weights : Tensor, shape (n, m), optional
        If given, weighted sums over the channels are returned, those of each column.
    """
    if not series:
        raise ValueError("No series to take moments of.")
    joined = _joined(series)
    counts = torch.tensor([layout.n_windows(one) for one in series])
    lengths = torch.tensor([len(one.target) for one in series])
    number = torch.repeat_interleave(counts)  # of each window's series
    first = lengths.cumsum(0) - lengths - (counts.cumsum(0) - counts)
    starts = torch.arange(len(number)) + first[number]
    statics = None
    if series[0].static is not None:
        statics = torch.stack([one.static[channels] for one in series if one.static is not None])
    block = _block_size(joined, layout, channels, max_bytes)
    total: Moments | None = None
    for begin in range(0, len(starts), block):
        some = slice(begin, begin + block)
        static = None if statics is None else statics[number[some].to(statics.device)]
        rows = design_matrix(joined, layout, starts[some], channels, static)
        x, y, f = rows.rows()
        moments = Moments(
            x.mT @ x,
            x.mT @ y,
            y.square().sum(dim=(1, 2)),
            torch.einsum("ntp,nthf->nphf", x, f),
            torch.einsum("nthf,nthg->nfg", f, f),
            torch.einsum("nthf,nth->nf", f, y),
            len(starts[some]),
        )
        total = moments if total is None else total + moments
    assert total is not None
    return total if weights is None else total.summed(weights)


def _joined(series: Sequence[ObservedSeries]) -> ObservedSeries:
    """Put series one after the other; static covariates are left out."""
    past = [one.past for one in series if one.past is not None]
    future = [one.future for one in series if one.future is not None]
    return ObservedSeries(
        torch.cat([one.target for one in series]),
        torch.cat(past) if past else None,
        torch.cat(future) if future else None,
    )


def _block_size(
    series: ObservedSeries, layout: WindowLayout, channels: slice, max_bytes: int
) -> int:
    n_channels = len(range(series.n_channels)[channels])
    n_steps = layout.horizon * (1 + 2 * series.n_future)
    values = n_channels * (layout.regressors(series).total + 3 * layout.width + 2 * n_steps)
    if layout.n_factors:
        values += 2 * series.n_channels * layout.lookback
    return max(1, max_bytes // (8 * values))

"""Windows of several series written out together, and the moments of series of few windows."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from hyperforecast.nn.exact.moments.moments import Moments
from hyperforecast.nn.exact.windows.design_matrix import DesignMatrix, design_matrix
from hyperforecast.nn.exact.windows.layout import WindowLayout
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries

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
    """
    if not series:
        raise ValueError("No series to take moments of.")
    return JoinedWindows(series, layout.width).moments(layout, channels, max_bytes)


class JoinedWindows:
    """Windows of several series, written out as if these were one.

    Parameters
    ----------
    series : sequence of ObservedSeries
        At least one, each at least ``width`` rows long.
    width : int
    starts : sequence of Tensor, optional
        First rows of the windows of each series, ascending; all windows if not given.
    """

    def __init__(
        self,
        series: Sequence[ObservedSeries],
        width: int,
        starts: Sequence[Tensor] | None = None,
    ) -> None:
        self.series = _joined(series)
        lengths = torch.tensor([one.target.shape[0] for one in series])
        if starts is None:
            counts = lengths - width + 1
            before = counts.cumsum(0) - counts
            within = torch.arange(int(counts.sum())) - before.repeat_interleave(counts)
        else:
            counts = torch.tensor([some.shape[0] for some in starts])
            within = torch.cat(list(starts))
        first_row = lengths.cumsum(0) - lengths
        self.starts = within + first_row.repeat_interleave(counts)
        """First rows of all windows, counted through all series, shape (T,)."""
        self._numbers = torch.arange(len(series)).repeat_interleave(counts)
        self._statics: Tensor | None = None
        if series[0].static is not None:
            self._statics = torch.stack([one.static for one in series if one.static is not None])

    def blocks(
        self, layout: WindowLayout, size: int, channels: slice = slice(None)
    ) -> Iterator[DesignMatrix]:
        """Write out the windows of some channels, at most ``size`` of them at a time."""
        for starts, numbers in zip(self.starts.split(size), self._numbers.split(size), strict=True):
            static = None
            if self._statics is not None:
                static = self._statics[:, channels][numbers.to(self._statics.device)]
            yield design_matrix(self.series, layout, starts, channels, static)

    def moments(self, layout: WindowLayout, channels: slice, max_bytes: int) -> Moments:
        """Return the moments of some channels, of blocks of windows that fit in memory."""
        total: Moments | None = None
        size = _block_size(self.series, layout, channels, max_bytes)
        for rows in self.blocks(layout, size, channels):
            moments = Moments.of_rows(*rows.rows())
            total = moments if total is None else total + moments
        assert total is not None
        return total


def _joined(series: Sequence[ObservedSeries]) -> ObservedSeries:
    """Put series one after the other; static covariates are left out."""
    if len(series) == 1:
        return replace(series[0], static=None)
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
    if layout.n_factors or layout.n_neighbours:
        values += 2 * series.n_channels * layout.lookback
    return max(1, max_bytes // (8 * values))

"""Windows of several series written out together, and the moments of series of few windows."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from hyperforecast.nn.exact.design_matrix import DesignMatrix, design_matrix
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
    joined = JoinedWindows(series, layout)
    total: Moments | None = None
    for rows in joined.blocks(_block_size(joined.series, layout, channels, max_bytes), channels):
        moments = Moments.of_rows(*rows.rows())
        total = moments if total is None else total + moments
    assert total is not None
    return total if weights is None else total.summed(weights)


class JoinedWindows:
    """Windows of several series, written out as if these were one.

    Parameters
    ----------
    series : sequence of ObservedSeries
        At least one, each at least ``layout.width`` rows long.
    layout : WindowLayout
    starts : sequence of Tensor, optional
        First rows of the windows of each series, ascending; all windows if not given.
    """

    def __init__(
        self,
        series: Sequence[ObservedSeries],
        layout: WindowLayout,
        starts: Sequence[Tensor] | None = None,
    ) -> None:
        self.series = _joined(series)
        self.layout = layout
        if starts is None:
            starts = [torch.arange(layout.n_windows(one)) for one in series]
        joined, numbers, first = [], [], 0
        for number, (one, some) in enumerate(zip(series, starts, strict=True)):
            joined.append(first + some)
            numbers.append(torch.full_like(some, number))
            first += len(one.target)
        self._starts, self._numbers = torch.cat(joined), torch.cat(numbers)
        self._statics: Tensor | None = None
        if series[0].static is not None:
            self._statics = torch.stack([one.static for one in series if one.static is not None])

    def blocks(self, size: int, channels: slice = slice(None)) -> Iterator[DesignMatrix]:
        """Write out the windows of some channels, at most ``size`` of them at a time."""
        for starts, numbers in zip(
            self._starts.split(size), self._numbers.split(size), strict=True
        ):
            static = None
            if self._statics is not None:
                static = self._statics[:, channels][numbers.to(self._statics.device)]
            yield design_matrix(self.series, self.layout, starts, channels, static)


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

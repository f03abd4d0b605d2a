"""Moments of many channels, in bounded memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from hyperforecast.nn.exact.layout import WindowLayout
from hyperforecast.nn.exact.moments import Moments, weighted_sums
from hyperforecast.nn.exact.observed_series import ObservedSeries
from hyperforecast.nn.exact.recurrence import series_moments
from hyperforecast.nn.exact.window_blocks import block_moments
from hyperforecast.nn.exact.window_products import lagged_products, summed_lagged_products


class MomentCache:
    """Moments of many channels over the same windows, for one layout after another.

    Channels are worked on in chunks that fit in memory. What does not depend on the layout is
    kept where it fits.

    Parameters
    ----------
    series : sequence of ObservedSeries
    layout : WindowLayout
        Its lookback, horizon and shift hold for every layout asked for.
    max_bytes : int
        Memory that kept moments may take; a tenth of it bounds a chunk.
    weights : Tensor, shape (C, m), optional
        Of the sums over channels that :meth:`summed_moments` returns.
    by_channel : bool, default=True
        Whether the moments of single channels will be asked for, too; sums over channels are then
        made of what is kept for each.
    give_own_products : callable, optional
        Gives the products of all channels' windows with themselves, (C, width, width), from
        number, series and width; used where they are kept.
    """

    def __init__(
        self,
        series: Sequence[ObservedSeries],
        layout: WindowLayout,
        max_bytes: int,
        weights: Tensor | None = None,
        by_channel: bool = True,
        give_own_products: Callable[[int, ObservedSeries, int], Tensor] | None = None,
    ) -> None:
        self.series = [one for one in series if len(one.target) >= layout.width]
        self.max_bytes = max_bytes
        self.n_windows = sum(layout.n_windows(one) for one in self.series)
        self.n_channels = series[0].n_channels
        self._weights = weights
        self._by_channel = by_channel or give_own_products is not None
        self._give_own_products = give_own_products
        self._own: dict[int, Tensor] = {}
        self._summed_own: dict[int, Tensor] = {}

    def channel_moments(self, layout: WindowLayout) -> "CachedMoments":
        """Return the moments of the channels for a layout, to be iterated over."""
        return CachedMoments(self, layout)

    def summed_moments(self, layout: WindowLayout, count: int) -> Moments:
        """Return the first ``count`` weighted sums over channels of the moments for a layout."""
        assert self._weights is not None
        if not layout.recurs(self.series[0]):
            sums = [
                chunk.summed(self._weights[c, :count]) for c, chunk in self.channel_moments(layout)
            ]
            return replace(sum(sums[1:], start=sums[0]), n_windows=self.n_windows)
        parts = []
        for columns in self._chunks(count, layout.width):
            weights = self._weights[:, columns]
            moments = [
                series_moments(
                    one, layout, self._summed_own_products(number, layout, columns), weights=weights
                )
                for number, one in enumerate(self.series)
            ]
            parts.append(sum(moments[1:], start=moments[0]))
        return parts[0] if len(parts) == 1 else Moments.stacked(parts)

    def channel_chunks(self, width: int) -> list[slice]:
        """Cut the channels into chunks whose moments, ``width`` wide, fit in memory."""
        return self._chunks(self.n_channels, width)

    def _chunks(self, count: int, width: int) -> list[slice]:
        bytes_of_one = 8 * width**2 * 5  # with the copies made on the way
        step = max(1, self.max_bytes // 10 // bytes_of_one)
        return [slice(start, min(start + step, count)) for start in range(0, count, step)]

    def own_products(self, number: int, layout: WindowLayout, channels: slice) -> Tensor:
        """Return the products of each channel's windows with themselves, (n, width, width)."""
        series, width = self.series[number], layout.width

        def products(some: slice) -> Tensor:
            x = series.target[:, some].T.contiguous()
            return lagged_products(x, x, layout.n_windows(series), width, width)

        if not self._keeps_own(width):
            return products(channels)
        if number not in self._own:
            if self._give_own_products is not None:
                self._own[number] = self._give_own_products(number, series, width)
            else:
                self._own[number] = torch.cat([products(c) for c in self.channel_chunks(width)])
        return self._own[number][channels]

    def _keeps_own(self, width: int) -> bool:
        return 8 * width**2 * self.n_channels * len(self.series) <= self.max_bytes // 2

    def _summed_own_products(self, number: int, layout: WindowLayout, columns: slice) -> Tensor:
        """Return weighted sums of the products of windows with themselves, (m, width, width)."""
        assert self._weights is not None
        series, width, weights = self.series[number], layout.width, self._weights
        keeps = 8 * width**2 * weights.shape[1] * len(self.series) <= self.max_bytes // 4
        if keeps and number in self._summed_own:
            return self._summed_own[number][columns]
        if not keeps:
            weights = weights[:, columns]
        if self._by_channel and self._keeps_own(width):
            own = self.own_products(number, layout, slice(None))
            summed = weighted_sums(own, weights)
        else:
            x = series.target.T.contiguous()
            summed = summed_lagged_products(x, weights, layout.n_windows(series), width)
        if not keeps:
            return summed
        self._summed_own[number] = summed
        return summed[columns]


class CachedMoments:
    """Moments of one layout, a chunk of the channels at a time.

    Iterating yields pairs of a slice of channels and their :class:`Moments`, as often as asked.
    """

    def __init__(self, cache: MomentCache, layout: WindowLayout) -> None:
        self.cache = cache
        self.layout = layout
        regressors = layout.regressors(cache.series[0])
        width = layout.width + regressors.n_past + regressors.n_factors
        self._chunks = cache.channel_chunks(width)
        self._keep = 8 * width**2 * cache.n_channels <= cache.max_bytes // 2
        self._kept: list[tuple[slice, Moments]] = []

    def __iter__(self) -> Iterator[tuple[slice, Moments]]:
        if self._kept:
            yield from self._kept
            return
        found = []
        for channels in self._chunks:
            moments = self._moments(channels)
            if self._keep:
                found.append((channels, moments))
            yield channels, moments
        self._kept = found

    def _moments(self, channels: slice) -> Moments:
        if not self.layout.recurs(self.cache.series[0]):
            return block_moments(self.cache.series, self.layout, channels)
        total: Moments | None = None
        for number, series in enumerate(self.cache.series):
            own = self.cache.own_products(number, self.layout, channels)
            moments = series_moments(series, self.layout, own, channels)
            total = moments if total is None else total + moments
        assert total is not None
        return total

"""Moments of many channels, in bounded memory."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from torch import Tensor

from hyperforecast.nn.exact.moments.moments import Moments, weighted_sums
from hyperforecast.nn.exact.moments.recurrence import series_moments, shared_regressors
from hyperforecast.nn.exact.moments.shared_products import SharedRegressors
from hyperforecast.nn.exact.moments.short_series import ShortSeries
from hyperforecast.nn.exact.moments.summing_cache import CHANNELS, OWN, SHORT, SUMS, SummingCache
from hyperforecast.nn.exact.moments.window_blocks import is_short
from hyperforecast.nn.exact.moments.window_products import lagged_products, summed_lagged_products
from hyperforecast.nn.exact.windows.layout import WindowLayout
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries


class KeptProducts(NamedTuple):
    """Products of windows with themselves, from one of their rows on.

    Attributes
    ----------
    products : Tensor, shape (n, width - first, width - first)
    first : int
        That row.
    """

    products: Tensor
    first: int

    def since(self, row: int) -> Tensor:
        """Return those from a later row on."""
        return self.products[:, row - self.first :, row - self.first :]


class MomentCache(SummingCache):
    """Moments of many channels over the same windows, for one layout after another.

    Channels are worked on in chunks that fit in memory. What does not depend on the layout is
    kept where it fits. Series of few windows are taken together, see :class:`ShortSeries`.

    Parameters
    ----------
    series : sequence of ObservedSeries
    layout : WindowLayout
        Its lookback, horizon and shift hold for every layout asked for.
    max_bytes : int
        Memory that all this may take, besides the sums that are returned and a few arrays of the
        series' size.
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
        self.series = [one for one in series if one.n_rows >= layout.width]
        super().__init__(series[0].n_channels, max_bytes, weights)
        self.n_windows = sum(layout.n_windows(one) for one in self.series)
        self.n_forecasts = self.n_windows * self.n_channels
        self._by_channel = by_channel or give_own_products is not None
        self._give_own_products = give_own_products
        short = [give_own_products is None and is_short(one, layout) for one in self.series]
        some = [one for one, few in zip(self.series, short, strict=True) if few]
        kept_bytes = int(SHORT * max_bytes)
        self._short = ShortSeries(some, layout, kept_bytes, self.chunk_bytes) if some else None
        self._long = [n for n, few in enumerate(short) if not few]
        self._longest = max((self.series[n].n_rows for n in self._long), default=0)
        self._shared: tuple[WindowLayout, dict[int, SharedRegressors]] = (layout, {})
        self._own: dict[int, KeptProducts] = {}
        self._summed_own: dict[int, KeptProducts] = {}

    def weigh(self, weights: Tensor) -> None:
        """Take other weights (C, m) for the sums over channels from now on."""
        super().weigh(weights)
        self._summed_own.clear()

    def release(self) -> None:
        """Give up what is kept; it is made again when needed."""
        super().release()
        self._shared = (self._shared[0], {})
        self._own.clear()
        self._summed_own.clear()
        if self._short:
            self._short.release()

    def _new_sums(self, layout: WindowLayout, columns: slice) -> Moments:
        count = columns.stop - columns.start
        of_channels = not layout.recurs(self.series[0]) and (
            count >= self.n_channels or (self._by_channel and self.keeps_channels(layout))
        )
        if of_channels or not self._long:
            return replace(super()._new_sums(layout, columns), n_windows=self.n_windows)
        parts = []
        for some in self._chunks(count, layout):
            chosen = slice(columns.start + some.start, columns.start + some.stop)
            parts.append(self._weighted(layout, chosen))
        return Moments.stacked(parts)

    def _weighted(self, layout: WindowLayout, columns: slice) -> Moments:
        """Return weighted sums that are taken before the products."""
        assert self._weights is not None
        weights = self._weights[:, columns]
        total: Moments | None = None
        for number in self._long:
            one, seen = self._seen(number, layout)
            own = self._summed_own_products(number, layout, columns)
            shared = self.shared_regressors(number, layout)
            moments = series_moments(one, seen, own, shared, weights=weights)
            total = moments if total is None else total + moments
        assert total is not None
        if self._short:
            for c in self.channel_chunks(layout):
                total = total + self._short.moments(layout, c).summed(weights[c])
            total = replace(total, n_windows=self.n_windows)
        return total

    def moments(self, layout: WindowLayout, channels: slice) -> Moments:
        """Return the moments of some channels for a layout."""
        total: Moments | None = None
        if self._short:
            total = self._short.moments(layout, channels)
        for number in self._long:
            one, seen = self._seen(number, layout)
            own = self._own_products(number, layout, channels)
            shared = self.shared_regressors(number, layout)
            moments = series_moments(one, seen, own, shared, channels)
            total = moments if total is None else total + moments
        assert total is not None
        return total

    def channel_chunks(self, layout: WindowLayout) -> list[slice]:
        """Cut the channels into chunks whose moments fit in memory."""
        return self._chunks(self.n_channels, layout)

    def keeps_channels(self, layout: WindowLayout) -> bool:
        """Say whether the moments of all channels are kept."""
        return 8 * self._total_width(layout) ** 2 * self.n_channels <= CHANNELS * self.max_bytes

    def _total_width(self, layout: WindowLayout) -> int:
        return layout.regressors(self.series[0]).total + layout.shift + layout.horizon

    def _chunks(self, count: int, layout: WindowLayout) -> list[slice]:
        # with the copies made on the way, of products and of series
        bytes_of_one = 8 * (5 * self._total_width(layout) ** 2 + 10 * self._longest)
        step = max(1, self.chunk_bytes // bytes_of_one)
        return [slice(start, min(start + step, count)) for start in range(0, count, step)]

    def shared_regressors(self, number: int, layout: WindowLayout) -> SharedRegressors:
        """Return what all channels of a series see under a layout; the last ones are kept."""
        if not self._shared[0].is_like(layout):
            self._shared = (layout, {})
        kept = self._shared[1]
        if number in kept:
            return kept[number]
        bound = self.chunk_bytes // 2
        shared = shared_regressors(*self._seen(number, layout), bound)
        n_shared = layout.regressors(self.series[number]).shared
        if 8 * (n_shared.stop - n_shared.start) ** 2 * len(self._long) <= bound:
            kept[number] = shared
        return shared

    def _seen(self, number: int, layout: WindowLayout) -> tuple[ObservedSeries, WindowLayout]:
        """Return what the regressions of a layout see of a series: the same windows, cut short."""
        one = self.series[number]
        return one.rows(layout.unused, one.n_rows), layout.without_unused()

    def _own_products(self, number: int, layout: WindowLayout, channels: slice) -> Tensor:
        """Return the products of what is seen of each channel's windows, (n, seen, seen)."""
        first = self._kept_from(layout, self.n_channels, OWN)

        def products(some: slice, first: int) -> Tensor:
            one, seen = self._seen(number, replace(layout, unused=first))
            x = one.target[:, some].T.contiguous()
            return lagged_products(x, x, seen.n_windows(one), seen.width, seen.width)

        if first is None:
            return products(channels, layout.unused)
        if number not in self._own or self._own[number].first > layout.unused:
            if self._give_own_products is not None:
                given = self._give_own_products(number, self.series[number], layout.width)
                own = given[:, first:, first:]
            else:
                width = layout.width - first
                own = self.series[number].target.new_empty(self.n_channels, width, width)
                for some in self.channel_chunks(layout):
                    own[some] = products(some, first)
            self._own[number] = KeptProducts(own, first)
        return self._own[number].since(layout.unused)[channels]

    def _kept_from(self, layout: WindowLayout, count: int, part: float) -> int | None:
        """Return from which row of a window on products are kept: all rows', or of those seen.

        ``None`` if neither fit into a part of the memory.
        """
        for first in (0, layout.unused):
            size = 8 * (layout.width - first) ** 2 * count * len(self._long)
            if size <= part * self.max_bytes:
                return first
        return None

    def _summed_own_products(self, number: int, layout: WindowLayout, columns: slice) -> Tensor:
        """Return weighted sums of the products of what is seen of windows, (m, seen, seen)."""
        assert self._weights is not None
        weights = self._weights
        first = self._kept_from(layout, weights.shape[1], SUMS)
        if first is not None and number in self._summed_own:
            kept = self._summed_own[number]
            if kept.first <= layout.unused:
                return kept.since(layout.unused)[columns]
        if first is None:
            weights = weights[:, columns]
        wide = layout if first is None else replace(layout, unused=first)
        if self._by_channel and self._kept_from(wide, self.n_channels, OWN) is not None:
            summed = weighted_sums(self._own_products(number, wide, slice(None)), weights)
        else:
            one, seen = self._seen(number, wide)
            summed = summed_lagged_products(one.target.T, weights, seen.n_windows(one), seen.width)
        if first is None:
            return summed
        self._summed_own[number] = KeptProducts(summed, first)
        return self._summed_own[number].since(layout.unused)[columns]

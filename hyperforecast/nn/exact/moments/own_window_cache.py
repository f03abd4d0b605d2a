"""Moments of channels that each have windows of their own."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from hyperforecast.nn.exact.moments.moments import Moments
from hyperforecast.nn.exact.moments.summing_cache import CHANNELS, OWN, SUMS, SummingCache
from hyperforecast.nn.exact.moments.window_blocks import is_short
from hyperforecast.nn.exact.moments.window_contents import ContentProducts
from hyperforecast.nn.exact.moments.window_products import lagged_products, offset_sums
from hyperforecast.nn.exact.windows.layout import WindowLayout
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries
from hyperforecast.nn.exact.windows.own_windows import OwnWindows
from hyperforecast.nn.exact.windows.window_weights import window_weights


class OwnWindowCache(SummingCache):
    """Moments of channels that each have windows of their own, for one layout after another.

    It is asked as :class:`MomentCache` is, whose channels all have the same windows. What windows
    hold is multiplied with itself and summed over each channel's windows once; the moments of
    every layout without RevIN and common factors are parts and differences of these products.
    Windows are written out, those of as many channels at once as fit in memory; those of long
    stretches without covariates go by recurrence.

    Parameters
    ----------
    series : sequence of ObservedSeries
        Stretches of rows, of one channel or of several, whose windows may have weights: see
        :func:`~hyperforecast.nn.exact.windows.window_weights.window_weights`.
    layout : WindowLayout
        Its lookback, horizon and shift hold for every layout asked for.
    n_channels : int
    max_bytes : int
        Memory that all this may take, besides the sums that are returned and a few arrays of the
        series' size.
    weights : Tensor, shape (C, m), optional
        Of the sums over channels that :meth:`summed_moments` returns.

    Attributes
    ----------
    n_windows, n_forecasts : int
        Number of windows of all channels together.
    """

    def __init__(
        self,
        series: Sequence[ObservedSeries],
        layout: WindowLayout,
        n_channels: int,
        max_bytes: int,
        weights: Tensor | None = None,
    ) -> None:
        self.series = [one for one in series if one.n_rows >= layout.width]
        super().__init__(n_channels, max_bytes, weights)
        counted = window_weights(self.series, layout)
        self.windows = OwnWindows(self.series, layout.width, n_channels, weights=counted)
        self.n_windows = self.n_forecasts = int(self.windows.n_windows.sum())
        recurs = not (self.series[0].n_past or self.series[0].n_future) and counted is None
        few = [not recurs or is_short(one, layout) for one in self.series]
        self._long = [one for one, short in zip(self.series, few, strict=True) if not short]
        self._short: OwnWindows | None = self.windows
        if self._long:
            short = [one for one, short in zip(self.series, few, strict=True) if short]
            self._short = OwnWindows(short, layout.width, n_channels) if short else None
        self._products: dict[int, ContentProducts] = {}
        self._summed: ContentProducts | None = None

    def weigh(self, weights: Tensor) -> None:
        """Take other weights (C, m) for the sums over channels from now on."""
        super().weigh(weights)
        self._summed = None

    def release(self) -> None:
        """Give up what is kept; it is made again when needed."""
        super().release()
        self._products.clear()
        self._summed = None

    def _new_sums(self, layout: WindowLayout, columns: slice) -> Moments:
        assert self._weights is not None
        n_sums = self._weights.shape[1]
        fits = 8 * self._content_width**2 * n_sums <= SUMS * self.max_bytes
        if not fits or _visits(layout) or self.windows.static is not None:
            return super()._new_sums(layout, columns)
        if self._summed is None:  # of what windows hold, the same for every layout
            parts = (
                self._contents(c).summed(self._weights[c]) for c in self.channel_chunks(layout)
            )
            self._summed = next(parts)
            for part in parts:
                self._summed = self._summed + part
        return self._summed.channels(columns).moments(layout, None, self.n_windows)

    def moments(self, layout: WindowLayout, channels: slice) -> Moments:
        """Return the moments of some channels for a layout."""
        if _visits(layout):
            return self._written_out(layout, channels)
        static = self.windows.static
        static = None if static is None else static[channels]
        return self._contents(channels).moments(layout, static, self.n_windows)

    def channel_chunks(self, layout: WindowLayout) -> list[slice]:
        """Cut the channels into chunks whose moments fit in memory."""
        most = self.windows.most(slice(None))
        width = self._width_under(layout)
        bytes_of_one = 8 * (5 * width**2 + 3 * width * min(most, self._block(1, width)))
        step = max(1, self.chunk_bytes // bytes_of_one)
        count = self.n_channels
        return [slice(start, min(start + step, count)) for start in range(0, count, step)]

    def keeps_channels(self, layout: WindowLayout) -> bool:
        """Say whether the moments of all channels are kept."""
        return 8 * self._width_under(layout) ** 2 * self.n_channels <= CHANNELS * self.max_bytes

    @property
    def _content_width(self) -> int:
        one = self.series[0]
        return self.windows.width * (1 + one.n_past + one.n_future) + 1

    def _width_under(self, layout: WindowLayout) -> int:
        """Return how many numbers of a window are multiplied with each other for a layout."""
        if not layout.n_factors:
            return self._content_width
        one = self.series[0]
        others = layout.horizon * (1 + one.n_future) + self.windows.width * one.n_channels
        return layout.regressors(one).total + others

    def _block(self, n_channels: int, width: int) -> int:
        """Return how many windows of each of some channels are written out at a time."""
        return max(1, self.chunk_bytes // (3 * 8 * n_channels * width))

    def _contents(self, channels: slice) -> ContentProducts:
        """Return the products of what the windows of some channels hold."""
        if channels.start in self._products:
            return self._products[channels.start]
        found = self._of_long(channels, self._of_short(channels))
        if 8 * self._content_width**2 * self.n_channels <= OWN * self.max_bytes:
            self._products[channels.start] = found
        return found

    def _of_short(self, channels: slice) -> ContentProducts:
        """Return what short stretches add to them."""
        n_channels, size = len(range(self.n_channels)[channels]), self._content_width
        one = self.series[0]
        total = ContentProducts(
            one.target.new_zeros(n_channels, size, size),
            self.windows.width,
            one.n_past,
            one.n_future,
        )
        if self._short is None:
            return total
        for first, count in self._blocks(self._short, channels, self._content_width):
            padded = self._short.padded(channels, first, count)
            roots = self._short.roots(channels, first, count)
            total = total + ContentProducts.of_windows(
                padded.target, padded.past, padded.future, roots
            )
        return total

    def _of_long(self, channels: slice, total: ContentProducts) -> ContentProducts:
        """Return the products with what long stretches, of no covariates, add to them."""
        width = self.windows.width
        number = range(self.n_channels)[channels]
        for one in self._long:
            within = (number.start <= one.numbers) & (one.numbers < number.stop)
            if not within.any():
                continue
            x = one.target.T[within].contiguous()
            n_windows = len(one.target) - width + 1
            sums = offset_sums(x, n_windows, width)  # (m, width)
            corner = x.new_full((len(x), 1), n_windows)
            products = torch.cat(
                [
                    torch.cat([lagged_products(x, x, n_windows, width, width), sums[:, None]], 1),
                    torch.cat([sums, corner], dim=1)[:, :, None],
                ],
                dim=2,
            )
            total.products.index_add_(0, one.numbers[within] - number.start, products)
        return total

    def _written_out(self, layout: WindowLayout, channels: slice) -> Moments:
        """Return the moments of some channels by visiting every window, in blocks."""
        total: Moments | None = None
        for first, count in self._blocks(self.windows, channels, self._width_under(layout)):
            rows, _ = self.windows.rows(layout, channels, first, count)
            x, y, f = rows.rows()
            roots = self.windows.roots(channels, first, count)[..., None]
            moments = Moments.of_rows(x * roots, y * roots, f * roots[..., None])
            total = moments if total is None else total + moments
        assert total is not None
        return replace(total, n_windows=self.n_windows)

    def _blocks(
        self, windows: OwnWindows, channels: slice, width: int
    ) -> Iterator[tuple[int, int]]:
        """Cut the windows of some channels into blocks that fit in memory: first, and how many."""
        most = max(1, windows.most(channels))
        count = self._block(len(range(self.n_channels)[channels]), width)
        return ((first, min(count, most - first)) for first in range(0, most, count))


def _visits(layout: WindowLayout) -> bool:
    """Say whether every window is visited again for a layout."""
    return layout.norm == "revin" or layout.n_factors > 0

"""Moments of channels that each have windows of their own."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from hyperforecast.nn.exact.moments.moments import Moments
from hyperforecast.nn.exact.moments.recurrence import series_moments, shared_regressors
from hyperforecast.nn.exact.moments.summing_cache import (
    CHANNELS,
    OWN,
    SUMS,
    CachedMoments,
    SummingCache,
)
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
    Those of other layouts are made for each. Windows of short stretches are written out, those of
    as many channels at once as fit in memory; those of long ones go by recurrence, but for what
    covariates hold, and where windows have weights.

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
        few = [counted is not None or is_short(one, layout) for one in self.series]
        short = [one for one, is_few in zip(self.series, few, strict=True) if is_few]
        written_out: OwnWindows | None = self.windows
        if len(short) < len(few):
            written_out = OwnWindows(short, layout.width, n_channels) if short else None
        self._made = _Parts(
            written_out, [o for o, is_few in zip(self.series, few, strict=True) if not is_few]
        )
        covariates = self.series[0].n_past or self.series[0].n_future
        self._held = _Parts(self.windows, []) if covariates else self._made
        self._products: dict[int, ContentProducts] = {}
        self._summed: ContentProducts | None = None
        self._last: CachedMoments | None = None

    def weigh(self, weights: Tensor) -> None:
        """Take other weights (C, m) for the sums over channels from now on."""
        super().weigh(weights)
        self._summed = None

    def release(self) -> None:
        """Give up what is kept; it is made again when needed."""
        super().release()
        self._products.clear()
        self._summed = self._last = None

    def channel_moments(self, layout: WindowLayout) -> CachedMoments:
        """Return the moments of the channels for a layout; the last ones made for it are kept."""
        if not _is_made(layout):
            return super().channel_moments(layout)
        if self._last is None or not self._last.layout.is_like(layout):
            self._last = super().channel_moments(layout)
        return self._last

    def _new_sums(self, layout: WindowLayout, columns: slice) -> Moments:
        assert self._weights is not None
        n_sums = self._weights.shape[1]
        fits = 8 * self._content_width**2 * n_sums <= SUMS * self.max_bytes
        if not fits or _is_made(layout) or self.windows.static is not None:
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
        if _is_made(layout):
            return self._under(layout, channels)
        static = self.windows.static
        static = None if static is None else static[channels]
        return self._contents(channels).moments(layout, static, self.n_windows)

    def channel_chunks(self, layout: WindowLayout) -> list[slice]:
        """Cut the channels into chunks whose moments fit in memory."""
        parts = self._made if _is_made(layout) else self._held
        longest = max((one.n_rows for one in parts.long), default=0)
        written = 0 if parts.windows is None else self._bytes_written(parts.windows, layout)
        return self._chunks(8 * (5 * self._n_multiplied(layout) ** 2 + 10 * longest) + written)

    def window_chunks(self, layout: WindowLayout) -> list[slice]:
        """Cut the channels into chunks whose windows, all written out, fit in memory."""
        return self._chunks(self._bytes_written(self.windows, layout))

    def _chunks(self, bytes_of_one: int) -> list[slice]:
        step, count = max(1, self.chunk_bytes // bytes_of_one), self.n_channels
        return [slice(start, min(start + step, count)) for start in range(0, count, step)]

    def _bytes_written(self, windows: OwnWindows, layout: WindowLayout) -> int:
        """Return what windows of one channel take that are written out at a time."""
        width = self._width_under(layout)
        return 8 * 3 * width * min(windows.most(slice(None)), self._block(1, width))

    def keeps_channels(self, layout: WindowLayout) -> bool:
        """Say whether the moments of all channels are kept."""
        return 8 * self._n_multiplied(layout) ** 2 * self.n_channels <= CHANNELS * self.max_bytes

    @property
    def _content_width(self) -> int:
        one = self.series[0]
        return self.windows.width * (1 + one.n_past + one.n_future) + 1

    def _n_multiplied(self, layout: WindowLayout) -> int:
        """Return how many numbers of a window are multiplied with each other for a layout."""
        if not _is_made(layout):
            return self._content_width
        one = self.series[0]
        return layout.regressors(one).total + layout.horizon * (1 + one.n_future)

    def _width_under(self, layout: WindowLayout) -> int:
        """Return how many numbers are written out of a window for a layout."""
        n_series = layout.n_factors
        if n_series and layout.norm == "revin":
            n_series = self.series[0].n_channels
        return self._n_multiplied(layout) + self.windows.width * n_series

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
        windows = self._held.windows
        if windows is None:
            return total
        for first, count in self._blocks(windows, channels, self._content_width):
            padded = windows.padded(channels, first, count)
            roots = windows.roots(channels, first, count)
            total = total + ContentProducts.of_windows(
                padded.target, padded.past, padded.future, roots
            )
        return total

    def _of_long(self, channels: slice, total: ContentProducts) -> ContentProducts:
        """Return the products with what long stretches, of no covariates, add to them."""
        width = self.windows.width
        for one, within, places in _within(self._held.long, range(self.n_channels)[channels]):
            x = one.target[:, within].T.contiguous()
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
            total.products.index_add_(0, places, products)
        return total

    def _under(self, layout: WindowLayout, channels: slice) -> Moments:
        """Return the moments of some channels as they are made for one layout alone."""
        total = self._written_out(layout, channels)
        width = layout.width
        for one, within, places in _within(self._made.long, range(self.n_channels)[channels]):
            x = one.target[:, within].T.contiguous()
            own = lagged_products(x, x, layout.n_windows(one), width, width)
            shared = shared_regressors(one, layout, self.chunk_bytes // 2)
            total.add_at(places, series_moments(one, layout, own, shared, within))
        return replace(total, n_windows=self.n_windows)

    def _written_out(self, layout: WindowLayout, channels: slice) -> Moments:
        """Return what is added to them by windows that are written out, in blocks."""
        one, n_channels = self.series[0], len(range(self.n_channels)[channels])
        p, like = layout.regressors(one).total, one.target
        total = Moments.zeros(n_channels, p, layout.horizon, one.n_future, like)
        windows = self._made.windows
        if windows is None:
            return total
        for first, count in self._blocks(windows, channels, self._width_under(layout)):
            rows, _ = windows.rows(layout, channels, first, count)
            x, y, f = rows.rows()
            roots = windows.roots(channels, first, count)[..., None]
            total = total + Moments.of_rows(x * roots, y * roots, f * roots[..., None])
        return total

    def _blocks(
        self, windows: OwnWindows, channels: slice, width: int
    ) -> Iterator[tuple[int, int]]:
        """Cut the windows of some channels into blocks that fit in memory: first, and how many."""
        most = max(1, windows.most(channels))
        count = self._block(len(range(self.n_channels)[channels]), width)
        return ((first, min(count, most - first)) for first in range(0, most, count))


class _Parts(NamedTuple):
    """Stretches of rows by how their moments are made.

    Attributes
    ----------
    windows : OwnWindows, optional
        Windows that are written out.
    long : list of ObservedSeries
        Those whose windows are not.
    """

    windows: OwnWindows | None
    long: list[ObservedSeries]


def _within(
    series: Sequence[ObservedSeries], channels: range
) -> Iterator[tuple[ObservedSeries, Tensor, Tensor]]:
    """Yield series that hold some of the channels: which columns, and which of these they are."""
    for one in series:
        there = (channels.start <= one.numbers) & (one.numbers < channels.stop)
        if there.any():
            yield one, there.nonzero().flatten(), one.numbers[there] - channels.start


def _is_made(layout: WindowLayout) -> bool:
    """Say whether moments are made for a layout alone, and no parts of what windows hold."""
    return layout.norm == "revin" or layout.n_factors > 0

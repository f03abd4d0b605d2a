"""Moments of series of few windows, which are taken together."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from hyperforecast.nn.exact.moments.moments import Moments
from hyperforecast.nn.exact.moments.window_blocks import JoinedWindows
from hyperforecast.nn.exact.moments.window_contents import ContentProducts
from hyperforecast.nn.exact.windows.layout import WindowLayout
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries


class ShortSeries:
    """Series of few windows, and the moments of these for one layout after another.

    What windows hold is multiplied with itself and summed once: the last value of the lookback, and
    the other rows less that. The moments of every layout without RevIN, factors, and static and
    future covariates are parts, sums and differences of these products. Less the last value,
    because series may lie far from each other, and differences of products would lose what windows
    differ by. For other layouts the windows are written out.

    Parameters
    ----------
    series : sequence of ObservedSeries
    layout : WindowLayout
        Its lookback, horizon and shift hold for every layout asked for.
    kept_bytes, block_bytes : int
        Memory that the products, and windows that are written out, may take.
    """

    def __init__(
        self,
        series: Sequence[ObservedSeries],
        layout: WindowLayout,
        kept_bytes: int,
        block_bytes: int,
    ) -> None:
        one = series[0]
        self.n_channels = one.n_channels
        self._layout = replace(layout, loadings=None, factor_lookback=0, unused=0)
        self._block_bytes = block_bytes
        self._windows = JoinedWindows(series, layout.width)
        self._width = layout.width * (1 + one.n_past) + 1
        fits = 3 * 8 * self._width**2 * self.n_channels <= kept_bytes
        self._multiplies = fits and not (one.n_future or one.n_static)
        self._products: dict[bool, ContentProducts] = {}

    def moments(self, layout: WindowLayout, channels: slice) -> Moments:
        """Return the moments of some channels for a layout."""
        if not self._multiplies or layout.norm == "revin" or layout.n_factors:
            return self._windows.moments(layout, channels, self._block_bytes)
        products = self._contents(bool(layout.level_steps)).channels(channels)
        return products.moments(layout, None, len(self._windows.starts))

    def release(self) -> None:
        """Give up the products; they are made again when needed."""
        self._products.clear()

    def _contents(self, level_free: bool) -> ContentProducts:
        """Return the products of what windows hold, less the last value of the lookback or not."""
        if not self._products:
            products, last = self._multiplied(), self._layout.lookback - 1
            own = slice(0, self._layout.width)
            beside = products.clone()
            beside[:, last] = beside[:, :, last] = 0.0
            # every row of the channel is what it is less the last value, and that value
            products[:, own] += products[:, last : last + 1] * self._but_last
            products[:, :, own] += products[:, :, last : last + 1] * self._but_last.T
            one = self._windows.series
            for is_free, made in ((True, beside), (False, products)):
                self._products[is_free] = ContentProducts(made, self._layout.width, one.n_past)
        return self._products[level_free]

    def _multiplied(self) -> Tensor:
        """Return products of rows less the last value of the lookback, which stands in its place.

        Shape (C, W, W); all windows are written out once, in blocks.
        """
        width, last, joined = self._layout.width, self._layout.lookback - 1, self._windows.series
        target = joined.target.T.contiguous().unfold(1, width, 1)  # (C, rows, width)
        total = joined.target.new_zeros(self.n_channels, self._width, self._width)
        size = max(1, self._block_bytes // (3 * 8 * self.n_channels * self._width))
        for starts in self._windows.starts.to(target.device).split(size):
            held = target.new_ones(self.n_channels, len(starts), self._width)
            windows = target[:, starts]
            level = windows[..., last : last + 1]
            torch.sub(windows, level, out=held[..., :width])
            held[..., last : last + 1] = level
            if joined.past is not None:
                past = joined.past.T.contiguous().unfold(1, width, 1)  # (Q, rows, width)
                held[..., width:-1] = past[:, starts].transpose(0, 1).flatten(1)
            total += held.mT @ held
        return total

    @property
    def _but_last(self) -> Tensor:
        """Ones for the rows of a window, and zero for the last one of the lookback, (width, 1)."""
        ones = self._windows.series.target.new_ones(self._layout.width, 1)
        ones[self._layout.lookback - 1] = 0.0
        return ones

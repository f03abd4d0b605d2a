"""Moments of series of few windows, which are taken together."""

from collections.abc import Sequence
from dataclasses import replace

from hyperforecast.nn.exact.layout import WindowLayout
from hyperforecast.nn.exact.moments import Moments
from hyperforecast.nn.exact.observed_series import ObservedSeries
from hyperforecast.nn.exact.window_blocks import JoinedWindows
from hyperforecast.nn.exact.window_contents import ContentProducts


class ShortSeries:
    """Series of few windows, and the moments of these for one layout after another.

    What windows hold is multiplied with itself and summed once, as it is and less the last value
    of the lookback; the moments of every layout without RevIN, factors, and static and future
    covariates are parts and differences of these products. Less the last value, because series may
    lie far from each other, and differences of products would lose what windows differ by. For
    other layouts the windows are written out.

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
        fits = 2 * 8 * self._width**2 * self.n_channels <= kept_bytes
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
        if level_free in self._products:
            return self._products[level_free]
        layout = replace(self._layout, norm="last" if level_free else "none")
        width, joined = layout.width, self._windows.series
        target = joined.target.T.contiguous().unfold(1, width, 1)  # (C, rows, width)
        past = (
            joined.target.new_zeros(len(joined.target), 0) if joined.past is None else joined.past
        )
        past = past.T.contiguous().unfold(1, width, 1).transpose(0, 1)  # (rows, Q, width)
        total: ContentProducts | None = None
        size = max(1, self._block_bytes // (3 * 8 * self.n_channels * self._width))
        for starts in self._windows.starts.to(target.device).split(size):
            windows = layout.remove_level(target[:, starts].mT).mT
            seen = past[starts].expand(self.n_channels, -1, -1, -1)
            products = ContentProducts.of_windows(windows, seen, seen[:, :, :0])
            total = products if total is None else total + products
        assert total is not None
        self._products[level_free] = total
        return total

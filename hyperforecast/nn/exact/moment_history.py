"""Products of windows that moved on since the last fit."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hyperforecast.nn.exact.observed_series import ObservedSeries
from hyperforecast.nn.exact.window_products import lagged_products


@dataclass(frozen=True)
class _LastFit:
    series: ObservedSeries
    width: int
    products: Tensor


class MomentHistory:
    """Products of windows with themselves, carried over from one fit to the next.

    A backtest that trains again at every step fits almost the same windows each time. The
    products of the windows that came and went are added and taken away; the others stay.

    Attributes
    ----------
    origin : Any
        Time from which the starts of series are counted; the first user sets it.
    """

    def __init__(self) -> None:
        self.origin: Any = None
        self._last: dict[tuple[str, int], _LastFit] = {}

    def products(self, split: str, number: int, series: ObservedSeries, width: int) -> Tensor:
        """Return the products (C, width, width) of all windows of a series.

        Parameters
        ----------
        split : str
            What the series are for: those of one split follow each other from fit to fit.
        number : int
            Which of a split's series it is.
        series : ObservedSeries
            Its ``start`` says where in time it lies.
        width : int
            Number of rows that a window spans.
        """
        last = self._last.get((split, number))
        found = None if last is None else _updated(last, series, width)
        if found is None:
            x = series.target.T.contiguous()
            found = lagged_products(x, x, len(series.target) - width + 1, width, width)
        self._last[split, number] = _LastFit(series, width, found)
        return found


def _updated(last: _LastFit, series: ObservedSeries, width: int) -> Tensor | None:
    """Update the products of an overlapping series; return ``None`` where that does not pay."""
    before, start = last.series.start, series.start
    if before is None or start is None or last.width != width:
        return None
    old = (before, before + len(last.series.target) - width + 1)  # first window, end
    new = (start, start + len(series.target) - width + 1)
    shared = (max(old[0], new[0]), min(old[1], new[1]))
    n_changed = (old[1] - old[0]) + (new[1] - new[0]) - 2 * (shared[1] - shared[0])
    if shared[1] <= shared[0] or n_changed > width:
        return None
    common = slice(shared[0], shared[1] + width - 1)
    if not torch.equal(_rows(last.series, common), _rows(series, common)):
        return None
    products = last.products
    for sign, source, (first, end) in (
        (-1, last.series, (old[0], shared[0])),
        (-1, last.series, (shared[1], old[1])),
        (1, series, (new[0], shared[0])),
        (1, series, (shared[1], new[1])),
    ):
        if end > first:
            windows = _rows(source, slice(first, end + width - 1)).unfold(0, width, 1)
            windows = windows.transpose(0, 1)  # (windows, C, width) -> (C, windows, width)
            products = torch.baddbmm(products, windows.mT, windows, alpha=sign)
    return products


def _rows(series: ObservedSeries, times: slice) -> Tensor:
    assert series.start is not None
    return series.target[times.start - series.start : times.stop - series.start]

"""Products of windows that moved on since the last fit."""

from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from hyperforecast.nn.exact.moments.window_products import lagged_products, offset_sums
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries
from hyperforecast.nn.exact.windows.units import MeanDeviation

MAX_LEFT = 2.0
"""How many times what is left of a channel's squares they may have been, before its products are
made anew: rounding of what has left stays."""


class MomentHistory:
    """Products of windows with themselves, carried over from one fit to the next.

    A backtest that trains again at every step fits almost the same windows each time. The
    products of the windows that came and went are added and taken away; the others stay. Every
    fit has means and deviations of its own, and the products are converted to these.

    Attributes
    ----------
    origin : Any
        Time from which the starts of series are counted; the first user sets it.
    """

    def __init__(self) -> None:
        self.origin: Any = None
        self._last: dict[tuple[str, int], _LastFit] = {}

    def products(
        self, split: str, number: int, series: ObservedSeries, width: int, units: MeanDeviation
    ) -> Tensor:
        """Return the products (C, width, width) of all windows of a series, standardised.

        Parameters
        ----------
        split : str
            What the series are for: those of one split follow each other from fit to fit.
        number : int
            Which of a split's series it is.
        series : ObservedSeries
            Not standardised. Its ``start`` says where in time it lies.
        width : int
            Number of rows that a window spans.
        units : MeanDeviation
            Of the channels.
        """
        last = self._last.get((split, number))
        found = None if last is None else last.moved_to(series, width)
        found = _LastFit.of(series, width, units) if found is None else found.converted_to(units)
        self._last[split, number] = found
        return found.products


@dataclass(frozen=True)
class _LastFit:
    """Products of the windows of a series in the units of a fit.

    Attributes
    ----------
    series : ObservedSeries
    width : int
    units : MeanDeviation
    products : Tensor, shape (C, width, width)
    largest : Tensor, shape (C,)
        The largest sum of squares that the products of each channel have held, whose rounding is
        still in them.
    """

    series: ObservedSeries
    width: int
    units: MeanDeviation
    products: Tensor
    largest: Tensor

    @classmethod
    def of(cls, series: ObservedSeries, width: int, units: MeanDeviation) -> Self:
        """Make the products of all windows."""
        x = units.standardise(series.target).T.contiguous()
        products = lagged_products(x, x, len(series.target) - width + 1, width, width)
        return cls(series, width, units, products, _squares(products))

    def moved_to(self, series: ObservedSeries, width: int) -> Self | None:
        """Return those of an overlapping series; ``None`` where that does not pay."""
        before, start = self.series.start, series.start
        if before is None or start is None or self.width != width:
            return None
        old = (before, before + len(self.series.target) - width + 1)  # first window, end
        new = (start, start + len(series.target) - width + 1)
        shared = (max(old[0], new[0]), min(old[1], new[1]))
        n_changed = (old[1] - old[0]) + (new[1] - new[0]) - 2 * (shared[1] - shared[0])
        if shared[1] <= shared[0] or n_changed > width:
            return None
        common = slice(shared[0], shared[1] + width - 1)
        if not torch.equal(_rows(self.series, common), _rows(series, common)):
            return None
        products, largest = self.products, self.largest
        for sign, source, (first, end) in (
            (1, series, (new[0], shared[0])),
            (1, series, (shared[1], new[1])),
            (-1, self.series, (old[0], shared[0])),
            (-1, self.series, (shared[1], old[1])),
        ):
            if end > first:
                rows = self.units.standardise(_rows(source, slice(first, end + width - 1)))
                windows = rows.unfold(0, width, 1).transpose(0, 1)  # (C, windows, width)
                products = torch.baddbmm(products, windows.mT, windows, alpha=sign)
                largest = torch.maximum(largest, _squares(products))
        return replace(self, series=series, products=products, largest=largest)

    def converted_to(self, units: MeanDeviation) -> Self:
        """Return the products in other units; where little is left of them they are made anew."""
        # a value v in the old units is a·v + b in the new ones
        a = self.units.deviation / units.deviation
        b = (self.units.mean - units.mean) / units.deviation
        x = self.units.standardise(self.series.target).T.contiguous()
        n_windows = len(self.series.target) - self.width + 1
        sums = (a * b)[:, None] * offset_sums(x, n_windows, self.width)  # (C, width)
        scaled = a.square()[:, None, None] * self.products
        level = n_windows * b.square()
        products = scaled + sums[:, :, None] + sums[:, None] + level[:, None, None]
        largest = torch.stack([self.largest * a.square(), _squares(scaled), level * self.width])
        largest, squares = largest.amax(dim=0), _squares(products)
        # a channel without a deviation was held at zero, whatever its rows
        kept = (largest <= MAX_LEFT * squares) & (self.units.deviation > 0)
        if not kept.all():
            some = ObservedSeries(self.series.target[:, ~kept])
            mean, deviation = units
            made = _LastFit.of(some, self.width, MeanDeviation(mean[~kept], deviation[~kept]))
            products[~kept], largest[~kept] = made.products, made.largest
        return replace(self, units=units, products=products, largest=largest)


def _squares(products: Tensor) -> Tensor:
    """Return each channel's sum of squares over windows, (C,)."""
    return products.diagonal(dim1=1, dim2=2).sum(dim=1)


def _rows(series: ObservedSeries, times: slice) -> Tensor:
    assert series.start is not None
    return series.target[times.start - series.start : times.stop - series.start]

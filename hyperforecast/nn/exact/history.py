"""Moments of windows that moved on since the last fit."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hyperforecast.nn.exact.moments import Panel
from hyperforecast.nn.exact.products import lagged_products


@dataclass(frozen=True)
class _Kept:
    panel: Panel
    width: int
    products: Tensor


class MomentHistory:
    """Products of windows with themselves, carried over from one fit to the next.

    A backtest that trains again at every step fits almost the same windows each time. The
    products of the windows that came and went are added and taken away; the others stay.

    Attributes
    ----------
    origin : Any
        Time from which the panels' starts are counted; the first user sets it.
    """

    def __init__(self) -> None:
        self.origin: Any = None
        self._kept: dict[tuple[str, int], _Kept] = {}

    def products(self, role: str, number: int, panel: Panel, width: int) -> Tensor:
        """Return the products (C, width, width) of all windows of a panel.

        Parameters
        ----------
        role : str
            What the panel is for: panels of one role follow each other.
        number : int
            Which of a role's panels it is.
        panel : Panel
            Its ``start`` says where in time it lies.
        width : int
            Number of rows that a window spans.
        """
        last = self._kept.get((role, number))
        found = None if last is None else _moved_on(last, panel, width)
        if found is None:
            x = panel.target.T.contiguous()
            found = lagged_products(x, x, len(panel.target) - width + 1, width, width)
        self._kept[role, number] = _Kept(panel, width, found)
        return found


def _moved_on(last: _Kept, panel: Panel, width: int) -> Tensor | None:
    """Return a panel's products from an overlapping one's, or ``None`` if that does not pay."""
    before, start = last.panel.start, panel.start
    if before is None or start is None or last.width != width:
        return None
    old = (before, before + len(last.panel.target) - width + 1)  # first window, end
    new = (start, start + len(panel.target) - width + 1)
    shared = (max(old[0], new[0]), min(old[1], new[1]))
    n_changed = (old[1] - old[0]) + (new[1] - new[0]) - 2 * (shared[1] - shared[0])
    if shared[1] <= shared[0] or n_changed > width:
        return None
    common = slice(shared[0], shared[1] + width - 1)
    if not torch.equal(_rows(last.panel, common), _rows(panel, common)):
        return None
    products = last.products
    for sign, source, (first, end) in (
        (-1, last.panel, (old[0], shared[0])),
        (-1, last.panel, (shared[1], old[1])),
        (1, panel, (new[0], shared[0])),
        (1, panel, (shared[1], new[1])),
    ):
        if end > first:
            windows = _rows(source, slice(first, end + width - 1)).unfold(0, width, 1)
            windows = windows.transpose(0, 1)  # (windows, C, width) -> (C, windows, width)
            products = torch.baddbmm(products, windows.mT, windows, alpha=sign)
    return products


def _rows(panel: Panel, times: slice) -> Tensor:
    assert panel.start is not None
    return panel.target[times.start - panel.start : times.stop - panel.start]

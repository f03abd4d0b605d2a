"""Moments of many channels, in bounded memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from hyperforecast.nn.exact.moments import Moments, Panel, WindowLayout, panel_moments
from hyperforecast.nn.exact.products import lagged_products, mixed_products
from hyperforecast.nn.exact.windows import block_moments


class MomentBank:
    """Moments of many channels over the same windows, for one layout after another.

    Channels are worked on in pieces that fit in memory. What does not depend on the layout is
    kept where it fits.

    Parameters
    ----------
    panels : sequence of Panel
    layout : WindowLayout
        Its lookback, horizon and shift hold for every layout asked for.
    max_bytes : int
        Memory that kept moments may take; a tenth of it bounds a piece.
    weights : Tensor, shape (C, m), optional
        Of the sums over channels that :meth:`mixed` returns.
    by_channel : bool, default=True
        Whether the moments of single channels will be asked for, too; sums over channels are then
        made of what is kept for each.
    own_products : callable, optional
        Gives the products of all channels' windows with themselves, (C, width, width), from
        number, panel and width; used where they are kept.
    """

    def __init__(
        self,
        panels: Sequence[Panel],
        layout: WindowLayout,
        max_bytes: int,
        weights: Tensor | None = None,
        by_channel: bool = True,
        own_products: Callable[[int, Panel, int], Tensor] | None = None,
    ) -> None:
        self.panels = [panel for panel in panels if len(panel.target) >= layout.width]
        self.max_bytes = max_bytes
        self.n_windows = sum(layout.n_windows(panel) for panel in self.panels)
        self.n_channels = panels[0].target.shape[1]
        self._weights = weights
        self._by_channel = by_channel or own_products is not None
        self._give_own = own_products
        self._own: dict[int, Tensor] = {}
        self._mixed_own_products: dict[int, Tensor] = {}

    def pieces(self, layout: WindowLayout) -> "Pieces":
        """Return the moments of the channels for a layout, to be iterated over."""
        return Pieces(self, layout)

    def mixed(self, layout: WindowLayout, count: int) -> Moments:
        """Return the first ``count`` weighted sums over channels of the moments for a layout."""
        assert self._weights is not None
        if not layout.recurs(self.panels[0]):
            sums = [piece.mixed(self._weights[c, :count]) for c, piece in self.pieces(layout)]
            return replace(sum(sums[1:], start=sums[0]), n_windows=self.n_windows)
        parts = []
        for columns in self._cut(count, 8 * layout.width**2 * 5):
            weights = self._weights[:, columns]
            moments = [
                panel_moments(
                    panel, layout, self._mixed_own(number, layout, columns), weights=weights
                )
                for number, panel in enumerate(self.panels)
            ]
            parts.append(sum(moments[1:], start=moments[0]))
        return parts[0] if len(parts) == 1 else Moments.stacked(parts)

    def channel_slices(self, bytes_per_channel: int) -> list[slice]:
        """Cut the channels into pieces whose work fits in memory."""
        return self._cut(self.n_channels, bytes_per_channel)

    def _cut(self, count: int, bytes_of_one: int) -> list[slice]:
        step = max(1, self.max_bytes // 10 // bytes_of_one)
        return [slice(start, min(start + step, count)) for start in range(0, count, step)]

    def own_products(self, number: int, layout: WindowLayout, channels: slice) -> Tensor:
        """Return the products of each channel's windows with themselves, (n, width, width)."""
        panel, width = self.panels[number], layout.width

        def products(some: slice) -> Tensor:
            x = panel.target[:, some].T.contiguous()
            return lagged_products(x, x, layout.n_windows(panel), width, width)

        if not self._keeps_own(width):
            return products(channels)
        if number not in self._own:
            if self._give_own is not None:
                self._own[number] = self._give_own(number, panel, width)
            else:
                slices = self.channel_slices(8 * width**2 * 5)
                self._own[number] = torch.cat([products(some) for some in slices])
        return self._own[number][channels]

    def _keeps_own(self, width: int) -> bool:
        return 8 * width**2 * self.n_channels * len(self.panels) <= self.max_bytes // 2

    def _mixed_own(self, number: int, layout: WindowLayout, columns: slice) -> Tensor:
        """Return weighted sums of the products of windows with themselves, (m, width, width)."""
        assert self._weights is not None
        panel, width, weights = self.panels[number], layout.width, self._weights
        keeps = 8 * width**2 * weights.shape[1] * len(self.panels) <= self.max_bytes // 4
        if keeps and number in self._mixed_own_products:
            return self._mixed_own_products[number][columns]
        if not keeps:
            weights = weights[:, columns]
        if self._by_channel and self._keeps_own(width):
            own = self.own_products(number, layout, slice(None))
            mixed = torch.tensordot(weights.T, own, dims=1)
        else:
            x = panel.target.T.contiguous()
            mixed = mixed_products(x, weights, layout.n_windows(panel), width)
        if not keeps:
            return mixed
        self._mixed_own_products[number] = mixed
        return mixed[columns]


class Pieces:
    """Moments of one layout, a piece of the channels at a time.

    Iterating yields pairs of a slice of channels and their :class:`Moments`, as often as asked.
    """

    def __init__(self, bank: MomentBank, layout: WindowLayout) -> None:
        self.bank = bank
        self.layout = layout
        panel = bank.panels[0]
        n_past = 0 if panel.past is None else panel.past.shape[1]
        n_shared = layout.lookback * n_past + layout.factor_lookback * layout.n_factors
        width = layout.width + n_shared
        self._slices = bank.channel_slices(8 * width**2 * 5)
        self._keep = 8 * width**2 * bank.n_channels <= bank.max_bytes // 2
        self._kept: list[tuple[slice, Moments]] = []

    def __iter__(self) -> Iterator[tuple[slice, Moments]]:
        if self._kept:
            yield from self._kept
            return
        found = []
        for channels in self._slices:
            moments = self._moments(channels)
            if self._keep:
                found.append((channels, moments))
            yield channels, moments
        self._kept = found

    def _moments(self, channels: slice) -> Moments:
        if not self.layout.recurs(self.bank.panels[0]):
            return block_moments(self.bank.panels, self.layout, channels)
        total: Moments | None = None
        for number, panel in enumerate(self.bank.panels):
            own = self.bank.own_products(number, self.layout, channels)
            moments = panel_moments(panel, self.layout, own, channels)
            total = moments if total is None else total + moments
        assert total is not None
        return total

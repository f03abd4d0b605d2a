"""What caches of moments share: chunks of channels, and weighted sums over channels."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from torch import Tensor

from hyperforecast.nn.exact.moments.moments import Moments
from hyperforecast.nn.exact.windows.layout import WindowLayout

OWN, SUMS, SHORT, CHANNELS, CHUNK, LAYOUTS = 1 / 4, 1 / 8, 1 / 8, 1 / 4, 1 / 8, 1 / 8
"""Parts of a cache's memory: products of windows with themselves, of each channel, summed over
channels, and those of short series; moments of channels; what is worked on; and sums over channels
of other layouts than the last."""


class SummingCache(ABC):
    """Moments of channels a chunk at a time, and their weighted sums, of which the last are kept.

    Parameters
    ----------
    n_channels : int
    max_bytes : int
        Memory that all this may take, besides the sums that are returned and a few arrays of the
        series' size.
    weights : Tensor, shape (C, m), optional
        Of the sums over channels that :meth:`summed_moments` returns.
    """

    def __init__(self, n_channels: int, max_bytes: int, weights: Tensor | None = None) -> None:
        self.n_channels = n_channels
        self.max_bytes = max_bytes
        self._weights = weights
        self._sums: list[tuple[WindowLayout, Moments]] = []  # of the last layout at the end

    @abstractmethod
    def moments(self, layout: WindowLayout, channels: slice) -> Moments:
        """Return the moments of some channels for a layout."""

    @abstractmethod
    def channel_chunks(self, layout: WindowLayout) -> list[slice]:
        """Cut the channels into chunks whose moments fit in memory."""

    @abstractmethod
    def keeps_channels(self, layout: WindowLayout) -> bool:
        """Say whether the moments of all channels are kept."""

    @property
    def chunk_bytes(self) -> int:
        """Memory that what is worked on may take."""
        return int(CHUNK * self.max_bytes)

    def channel_moments(self, layout: WindowLayout) -> "CachedMoments":
        """Return the moments of the channels for a layout, to be iterated over."""
        return CachedMoments(self, layout)

    def summed_moments(self, layout: WindowLayout, count: int) -> Moments:
        """Return the first ``count`` weighted sums over channels of the moments for a layout.

        They are kept, and added to where more of them are asked for: those of the last layout, and
        of others before it as long as they take little memory.
        """
        others = [kept for kept in self._sums if not kept[0].is_like(layout)]
        found = next((sums for like, sums in self._sums if like.is_like(layout)), None)
        while sum(sums.n_bytes for _, sums in others) > LAYOUTS * self.max_bytes:
            del others[0]
        n_found = 0 if found is None else len(found.yy)
        if n_found < count:
            self._sums = others  # before others take memory
            more = self._new_sums(layout, slice(n_found, count))
            found = more if found is None else Moments.stacked([found, more])
        assert found is not None
        self._sums = [*others, (layout, found)]
        return found.channels(slice(count))

    def weigh(self, weights: Tensor) -> None:
        """Take other weights (C, m) for the sums over channels from now on."""
        self._weights = weights
        self._sums = []

    def release(self) -> None:
        """Give up what is kept; it is made again when needed."""
        self._sums = []

    def _new_sums(self, layout: WindowLayout, columns: slice) -> Moments:
        """Return the sums by some columns of the weights, added up chunk by chunk."""
        assert self._weights is not None
        total: Moments | None = None
        for c, chunk in self.channel_moments(layout):
            summed = chunk.summed(self._weights[c, columns])
            total = summed if total is None else total + summed
        assert total is not None
        return total


class CachedMoments:
    """Moments of one layout, a chunk of the channels at a time.

    Iterating yields pairs of a slice of channels and their :class:`Moments`, as often as asked.
    """

    def __init__(self, cache: SummingCache, layout: WindowLayout) -> None:
        self.cache = cache
        self.layout = layout
        self._kept: list[tuple[slice, Moments]] = []

    def __iter__(self) -> Iterator[tuple[slice, Moments]]:
        if self._kept:
            yield from self._kept
            return
        keep, found = self.cache.keeps_channels(self.layout), []
        for channels in self.cache.channel_chunks(self.layout):
            moments = self.cache.moments(self.layout, channels)
            if keep:
                found.append((channels, moments))
            yield channels, moments
            del moments  # before others take memory
        self._kept = found

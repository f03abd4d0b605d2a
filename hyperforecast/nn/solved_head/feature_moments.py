"""Second moments of the features of series' windows."""

from collections.abc import Callable, Iterator, Sequence

from hyperforecast.nn.exact import Moments, ObservedSeries
from hyperforecast.nn.exact.choice.late import IsLate, OutOfTime, never
from hyperforecast.nn.solved_head.feature_rows import FeatureTap
from hyperforecast.nn.windows import WindowCutter

MAX_VALUES = 2**19
"""Number of values in the windows that go through the network at a time."""

MIN_WINDOWS = 32
"""Number of windows that do so at least: products of fewer rows take as long as of these."""


class FeatureMoments:
    """Moments of what a network's last layers are given, a chunk of the channels at a time.

    They are kept where all fit into memory; else every iteration makes them again, and the network
    runs over all windows once for each chunk.

    Parameters
    ----------
    tap : FeatureTap
    cutter : WindowCutter
    series : sequence of ObservedSeries
    max_bytes : float
        What the moments may take.
    is_late : callable
        Says whether time is over: asked before each chunk of windows.

    Attributes
    ----------
    n_windows : int
        Number of windows that count.

    Raises
    ------
    OutOfTime
        While moments are made, if time is over.
    """

    def __init__(
        self,
        tap: FeatureTap,
        cutter: WindowCutter,
        series: Sequence[ObservedSeries],
        max_bytes: float,
        is_late: IsLate = never,
    ) -> None:
        self.tap = tap
        self.cutter = cutter
        self.series = series
        self.n_windows = sum(len(cutter.starts(one)) for one in series)
        self._max_bytes = max_bytes
        self._is_late = is_late
        self._kept: list[tuple[slice, Moments]] | None = None

    def __iter__(self) -> Iterator[tuple[slice, Moments]]:
        """Yield slices of the channels and their moments."""
        if self._kept is not None:
            yield from self._kept
            return
        n_channels = len(self.tap.deviation)
        size = max(1, int(self._max_bytes // self._channel_bytes()))
        if size >= n_channels:
            self._kept = [(slice(0, n_channels), self._moments(slice(0, n_channels)))]
            yield from self._kept
            return
        for first in range(0, n_channels, size):
            channels = slice(first, min(first + size, n_channels))
            yield channels, self._moments(channels)

    def release(self) -> None:
        """Give up what is kept."""
        self._kept = None

    def _moments(self, channels: slice) -> Moments:
        total: Moments | None = None
        size = max(MIN_WINDOWS, MAX_VALUES // (len(self.tap.deviation) * self.cutter.width))
        for windows in self.cutter.blocks(self.series, size):
            if self._is_late():
                raise OutOfTime
            rows = self.tap.rows(windows)
            moments = Moments.of_rows(*(values[channels] for values in rows))
            total = moments if total is None else total + moments
        assert total is not None
        return total

    def _channel_bytes(self) -> float:
        """Return what the moments of a channel take, and what is added to them."""
        layers, horizon = self.tap.layers, self.cutter.horizon
        p, n_future = layers.regressors.total, layers.n_future
        return 2 * 8 * (p * (p + horizon * (1 + n_future)) + n_future**2)


class ShiftedMoments:
    """Moments whose targets are what given weights, one for each channel, leave of them.

    Parameters
    ----------
    moments : FeatureMoments or ShiftedMoments
    shift : callable
        Returns the moments of some channels with other targets.
    """

    def __init__(self, moments: FeatureMoments, shift: Callable[[slice, Moments], Moments]) -> None:
        self.moments = moments
        self.shift = shift

    def __iter__(self) -> Iterator[tuple[slice, Moments]]:
        """Yield slices of the channels and their moments."""
        for channels, chunk in self.moments:
            yield channels, self.shift(channels, chunk)

"""Single validation windows, for what moments do not tell: how errors are spread."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from hyperforecast.nn.exact.moments.window_blocks import JoinedWindows
from hyperforecast.nn.exact.settings.candidate import Candidate
from hyperforecast.nn.exact.settings.setting import Setting, View
from hyperforecast.nn.exact.splits.data_split import DataSplit
from hyperforecast.nn.exact.windows.design_matrix import DesignMatrix
from hyperforecast.nn.exact.windows.distinct_series import distinct_numbers
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries

MAX_COMPARED = 2**22
"""Number of values in the windows from which standard errors are taken."""

MIN_WINDOWS, MAX_WINDOWS = 64, 512
"""Numbers of windows that are taken at least, where there are as many, and at most."""


class SpreadWindows(NamedTuple):
    """Windows of series that are evenly spread in time.

    Attributes
    ----------
    n_times : int
        Number of times at which windows of any series begin.
    times : Tensor, shape (T,), int64
        When each of the windows begins.
    numbers : Tensor, shape (T,), int64
        Which series each of them is of.
    starts : list of Tensor
        First rows of them, of each series.
    """

    n_times: int
    times: Tensor
    numbers: Tensor
    starts: list[Tensor]

    @classmethod
    def of(
        cls, series: Sequence[ObservedSeries], width: int, stride: Callable[[int], int]
    ) -> "SpreadWindows":
        """Choose them by time, not by number: the same of each series however many there are.

        Parameters
        ----------
        series : sequence of ObservedSeries
        width : int
        stride : callable
            Says how far apart those of many times are at which the windows chosen begin.
        """
        n_windows = torch.tensor([one.n_rows - width + 1 for one in series])
        begins = torch.tensor([one.start or 0 for one in series])
        numbers = torch.arange(len(series)).repeat_interleave(n_windows)
        first = (n_windows.cumsum(0) - n_windows)[numbers]
        times = begins[numbers] + torch.arange(len(numbers)) - first
        distinct = times.unique()
        chosen = torch.isin(times, distinct[:: stride(len(distinct))])
        times, numbers = times[chosen], numbers[chosen]
        counts = numbers.bincount(minlength=len(series)).tolist()
        starts = (times - begins[numbers]).split(counts)
        return cls(len(distinct), times, numbers, list(starts))


class ValidationWindows:
    """Residuals of candidates on windows of a split that are evenly spread in time.

    Series lie in time where their ``start`` says; those that do not say begin together.

    Parameters
    ----------
    split : DataSplit

    Attributes
    ----------
    n_apart : int
        Number of horizons that the windows of all series span.
    times : Tensor, shape (T,), int64
        When each of the windows begins whose errors are compared.
    starts : list of Tensor
        First rows of the windows compared, of each series.
    series : Tensor, shape (T,), int64
        Which series each of them is of; one that is given twice is one.
    """

    def __init__(self, split: DataSplit) -> None:
        self.split = split
        self._kept: tuple[View, list[DesignMatrix]] | None = None
        series = split.cache.series
        width, device = split.problem.width, series[0].target.device
        spread = SpreadWindows.of(series, width, self._stride)
        self.n_apart = spread.n_times // split.problem.horizon
        self.starts = spread.starts
        self.times = spread.times.to(device)
        self.series = torch.tensor(distinct_numbers(series))[spread.numbers].to(device)
        self._joined = JoinedWindows(series, width, self.starts)

    def errors(self, candidate: Candidate) -> Tensor:
        """Return the mean squared errors of single windows, (C, T)."""
        if candidate.window_errors is None:
            residuals = self._residuals(candidate)
            candidate.window_errors = torch.cat([r.square().mean(dim=2) for r in residuals], dim=1)
        return candidate.window_errors

    def residuals(self, candidate: Candidate) -> Tensor:
        """Return the errors of forecasts of the same windows, (C, T, H)."""
        return torch.cat(list(self._residuals(candidate)), dim=1)

    def _residuals(self, candidate: Candidate) -> Iterator[Tensor]:
        weights = candidate.weights.of_channels(candidate.mixing)
        for some in self._compared_windows(candidate.setting):
            yield some.residuals(*weights)

    def _stride(self, n_windows: int) -> int:
        """Return how far apart those of many windows begin that are compared."""
        values = self.split.cache.n_channels * self.split.problem.width
        return -(-n_windows // min(MAX_WINDOWS, max(MIN_WINDOWS, MAX_COMPARED // values)))

    def _compared_windows(self, setting: Setting) -> Iterable[DesignMatrix]:
        """Return the windows compared under a setting; the last ones are kept if they are few."""
        if self._kept is None or self._kept[0] != setting.view:
            layout = self.split.layout(setting.view)
            windows = self._joined.blocks(layout, self._block_size)
            if len(self.times) > self._block_size:
                return windows
            self._kept = (setting.view, list(windows))
        return self._kept[1]

    @property
    def _block_size(self) -> int:
        """Number of windows that fit in memory."""
        cache = self.split.cache
        values = cache.n_channels * self.split.problem.width
        return max(1, cache.chunk_bytes // (4 * 8 * values))  # with the copies made on the way

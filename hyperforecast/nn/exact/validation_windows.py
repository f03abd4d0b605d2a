"""Single validation windows, for what moments do not tell: how errors are spread."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from hyperforecast.nn.exact.candidate import Candidate
from hyperforecast.nn.exact.data_split import DataSplit
from hyperforecast.nn.exact.design_matrix import DesignMatrix
from hyperforecast.nn.exact.distinct_series import distinct_numbers
from hyperforecast.nn.exact.setting import Setting, View
from hyperforecast.nn.exact.window_blocks import JoinedWindows

MAX_COMPARED = 2**22
"""Number of values in the windows from which standard errors are taken."""

MIN_WINDOWS, MAX_WINDOWS = 64, 512
"""Numbers of windows that are taken at least, where there are as many, and at most."""


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
        lengths = [len(one.target) - split.problem.width + 1 for one in series]
        begins = [one.start or 0 for one in series]
        times = [begin + torch.arange(n) for begin, n in zip(begins, lengths, strict=True)]
        distinct = torch.cat(times).unique()
        self.n_apart = len(distinct) // split.problem.horizon
        # by time, not by number: the same windows of each series however many there are
        compared = distinct[:: self._stride(len(distinct))]
        times = [some[torch.isin(some, compared)] for some in times]
        self.starts = [some - begin for begin, some in zip(begins, times, strict=True)]
        counts = torch.tensor([len(some) for some in times])
        device = series[0].target.device
        self.times = torch.cat(times).to(device)
        self._joined = JoinedWindows(series, split.problem.width, self.starts)
        self.series = torch.tensor(distinct_numbers(series)).repeat_interleave(counts).to(device)

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

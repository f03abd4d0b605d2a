"""Single validation windows of channels that each have their own."""

from collections.abc import Iterator

import torch
from torch import Tensor

from hyperforecast.nn.exact.moments.own_window_cache import OwnWindowCache
from hyperforecast.nn.exact.settings.candidate import Candidate
from hyperforecast.nn.exact.splits.data_split import DataSplit
from hyperforecast.nn.exact.splits.validation_windows import (
    MAX_COMPARED,
    MAX_WINDOWS,
    SpreadWindows,
    ValidationWindows,
)
from hyperforecast.nn.exact.windows.own_windows import OwnWindows


class OwnValidationWindows:
    """Residuals of candidates on windows of channels that each have their own.

    It is asked as :class:`ValidationWindows` is. The windows of all channels lie on one axis, so
    that C is one, and what is counted apart as a series is a channel.

    Parameters
    ----------
    split : DataSplit

    Attributes
    ----------
    n_apart : int
        Number of horizons that the windows of all channels span.
    times : Tensor, shape (T,), int64
        When each of the windows begins whose errors are compared.
    series : Tensor, shape (T,), int64
        Which channel each of them is of.
    """

    def __init__(self, split: DataSplit) -> None:
        assert isinstance(split.cache, OwnWindowCache)
        self.split = split
        cache, width = split.cache, split.problem.width

        def stride(n_times: int) -> int:
            return max(-(-n_times // MAX_WINDOWS), cache.n_windows * width // MAX_COMPARED, 1)

        spread = SpreadWindows.of(cache.series, width, stride)
        self.n_apart = spread.n_times // split.problem.horizon
        self._windows = OwnWindows(cache.series, width, cache.n_channels, spread.starts)
        begins = torch.tensor([one.start or 0 for one in cache.series])
        self.times = begins.to(self._windows.start.device)[self._windows.series]
        self.times = self.times + self._windows.start
        self.series = self._windows.channel

    def errors(self, candidate: Candidate) -> Tensor:
        """Return the mean squared errors of single windows, (1, T)."""
        if candidate.window_errors is None:
            candidate.window_errors = self.residuals(candidate).square().mean(dim=2)
        return candidate.window_errors

    def residuals(self, candidate: Candidate) -> Tensor:
        """Return the errors of forecasts of the same windows, (1, T, H)."""
        return torch.cat(list(self._residuals(candidate)))[None]

    def _residuals(self, candidate: Candidate) -> Iterator[Tensor]:
        cache = self.split.cache
        assert isinstance(cache, OwnWindowCache)
        layout = self.split.layout(candidate.setting.view)
        for channels in cache.window_chunks(layout):
            weights = candidate.weights.of_channels(candidate.mixing[channels])
            rows, there = self._windows.rows(layout, channels)
            yield rows.residuals(*weights)[there]


def validation_windows(split: DataSplit) -> ValidationWindows | OwnValidationWindows:
    """Return the single windows of a validation split."""
    if isinstance(split.cache, OwnWindowCache):
        return OwnValidationWindows(split)
    return ValidationWindows(split)

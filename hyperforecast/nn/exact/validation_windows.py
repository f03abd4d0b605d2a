"""Single validation windows, for what moments do not tell: how errors are spread."""

from collections.abc import Iterable

import torch
from torch import Tensor

from hyperforecast.nn.exact.candidate import Candidate
from hyperforecast.nn.exact.data_split import DataSplit
from hyperforecast.nn.exact.design_matrix import DesignMatrix
from hyperforecast.nn.exact.setting import Setting
from hyperforecast.nn.exact.window_blocks import JoinedWindows

MAX_COMPARED, MAX_RANKED = 2**22, 2**24
"""Numbers of values in the windows from which standard errors and quantiles are taken."""


class ValidationWindows:
    """Residuals of candidates on windows of a split that are evenly spread in time."""

    def __init__(self, split: DataSplit) -> None:
        self.split = split
        self._kept: tuple[tuple[str, int, int], list[DesignMatrix]] | None = None

    def errors(self, candidate: Candidate) -> Tensor:
        """Return the mean squared errors of single windows, (C, T)."""
        if candidate.window_errors is None:
            weights = candidate.weights.of_channels(candidate.mixing)
            windows = self._windows(candidate.setting, MAX_COMPARED)
            errors = [some.residuals(*weights).square().mean(dim=2) for some in windows]
            candidate.window_errors = torch.cat(errors, dim=1)
        return candidate.window_errors

    def residual_quantiles(self, candidate: Candidate) -> Tensor:
        """Return the quantiles wanted of the residuals of each channel and step, (C, H, P).

        In units of the constant regressor, so that under RevIN they scale with the window.
        """
        weights = candidate.weights.of_channels(candidate.mixing)
        windows = self._windows(candidate.setting, MAX_RANKED)
        scaled = [some.residuals(*weights) / some.deviation for some in windows]
        residuals = torch.cat(scaled, dim=1)
        levels = torch.tensor(self.split.problem.quantiles).to(residuals)
        return torch.quantile(residuals, levels, dim=1).movedim(0, -1)  # of (C, T, H)

    def _windows(self, setting: Setting, max_values: int) -> Iterable[DesignMatrix]:
        """Return windows of each series under a setting; the last ones are kept if they fit.

        As many as hold ``max_values``, but at least 64 and at most 512.
        """
        what = (setting.norm, setting.n_factors, max_values)
        if self._kept is not None and self._kept[0] == what:
            return self._kept[1]
        cache, problem = self.split.cache, self.split.problem
        values = cache.n_channels * problem.width  # of a window
        n_windows = min(512, max(64, max_values // values))
        stride = -(-cache.n_windows // n_windows)
        # a block of windows is copied on the way
        at_once = max(1, cache.chunk_bytes // (4 * 8 * values))
        layout = self.split.layout(setting.norm, setting.n_factors)
        windows = JoinedWindows(cache.series, layout, stride).blocks(at_once)
        if n_windows > at_once:
            return windows
        self._kept = (what, list(windows))
        return self._kept[1]

"""Single validation windows, for what moments do not tell: how errors are spread."""

import torch
from torch import Tensor

from hyperforecast.nn.exact.candidate import Candidate
from hyperforecast.nn.exact.data_split import DataSplit
from hyperforecast.nn.exact.design_matrix import DesignMatrix, design_matrix
from hyperforecast.nn.exact.setting import Setting

MAX_COMPARED = 2**22
"""Number of values in the windows from which standard errors are taken."""


class ValidationWindows:
    """Residuals of candidates on windows of a split that are evenly spread in time."""

    def __init__(self, split: DataSplit) -> None:
        self.split = split
        self._kept: tuple[tuple[str, int], list[DesignMatrix]] | None = None

    def errors(self, candidate: Candidate) -> Tensor:
        """Return the mean squared errors of single windows, (C, T)."""
        if candidate.window_errors is None:
            weights = candidate.weights.of_channels(candidate.mixing)
            windows = self._windows(candidate.setting)
            errors = [some.residuals(*weights).square().mean(dim=2) for some in windows]
            candidate.window_errors = torch.cat(errors, dim=1)
        return candidate.window_errors

    def _windows(self, setting: Setting) -> list[DesignMatrix]:
        """Return windows of each series under a setting; the last ones are kept.

        As many as hold ``MAX_COMPARED`` values, but at least 64 and at most 512.
        """
        what = (setting.norm, setting.n_factors)
        if self._kept is None or self._kept[0] != what:
            layout = self.split.layout(setting.norm, setting.n_factors)
            cache = self.split.cache
            n_windows = min(512, max(64, MAX_COMPARED // (cache.n_channels * layout.width)))
            stride = -(-cache.n_windows // n_windows)
            windows = [
                design_matrix(one, layout, torch.arange(0, layout.n_windows(one), stride))
                for one in cache.series
            ]
            self._kept = (what, windows)
        return self._kept[1]

"""The series of a split whose windows do not all count the same."""

from dataclasses import replace

from torch import Tensor

from hyperforecast.nn.exact.moments.pairs import pair_weights
from hyperforecast.nn.exact.moments.step_moments import StepMoments
from hyperforecast.nn.exact.regressions.generated_regression import is_direct
from hyperforecast.nn.exact.regressions.regression import Regression, WithoutDrift
from hyperforecast.nn.exact.regressions.step_regressions import StepRegressions
from hyperforecast.nn.exact.settings.setting import Setting
from hyperforecast.nn.exact.splits.data_split import DataSplit
from hyperforecast.nn.exact.windows.step_weights import StepWeights


class WeightedSplit(DataSplit):
    """A split to be trained on, by weighted least squares.

    Units, channel embedding and factors are those of all rows. Moments have no recurrence here:
    every window that counts is visited.
    """

    _weights: StepWeights | None = None

    def regression(self, setting: Setting, embedding: Tensor | None = None) -> Regression:
        """Return the weighted regression of a setting."""
        if not setting.drift:
            return WithoutDrift(self.regression(replace(setting, drift=True), embedding))
        if setting.shared is not None:
            raise ValueError(
                "Weights of each channel's own that are drawn towards shared ones have no closed "
                "form where windows or steps have weights, or windows a stride. Leave out one of "
                "them."
            )
        layout = self.layout(setting.view)
        regressors = layout.regressors(self.series[0])
        mixing = self.mixing(setting, embedding)
        if self._weights is None:
            self._weights = StepWeights.of(self.by_row, layout)
        sums = None if setting.individual else pair_weights(mixing)
        n_sums = self.n_channels if sums is None else sums.shape[1]
        n_bytes = 8 * len(self._weights.combination.T) * n_sums * regressors.total**2
        max_bytes = int(self.options.max_memory_gb * 2**30)
        size = regressors.total * (1 if setting.individual else mixing.shape[1])
        if n_bytes > max_bytes or not is_direct(size):
            raise ValueError(
                f"The weighted equations of {setting} take {n_bytes / 2**30:.1f} GB for "
                f"{self._weights.combination.shape[1]} Gram matrices and {size} unknowns a step, "
                f"more than max_memory_gb={self.options.max_memory_gb} or what is factorised. Give "
                "more memory, a shorter lookback or channel_embedding_dim, or solver='adam'."
            )
        moments = StepMoments.of(self.by_row, layout, self._weights, self.n_channels, sums)
        return StepRegressions(moments, mixing, setting.individual, regressors, max_bytes // 2)

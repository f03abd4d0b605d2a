"""Ridge regression for each channel alone."""

import torch
from torch import Tensor

from hyperforecast.nn.exact.moments.moments import ChannelMoments
from hyperforecast.nn.exact.regressions.batched_ridge import BatchedRidge
from hyperforecast.nn.exact.regressions.weights import BasisWeights
from hyperforecast.nn.exact.windows.regressors import CONSTANT, Regressors


class ChannelRegression:
    """One ridge regression for each channel: weights that share nothing.

    A channel without a window has the mean of the others' weights.

    The same interface as :class:`GeneratedRegression`, whose limit it is for mixing vectors that
    are one-hot; each channel's ridge is in units of its own equations. A chunk of the channels is
    factorised and solved at a time; nothing but the weights is kept.

    Parameters
    ----------
    moments : iterable of (slice, Moments)
        Of C channels with p regressors, the last of which is the constant.
    mixing : Tensor, shape (C, C)
        The identity.
    regressors : Regressors, optional
        Where each group of regressors lies; all are lags of the channel's own if not given.
    """

    def __init__(
        self, moments: ChannelMoments, mixing: Tensor, regressors: Regressors | None = None
    ) -> None:
        self.moments = moments
        self.mixing = mixing
        self._regressors = regressors

    def solve(self, ridge: float) -> BasisWeights:
        """Solve for one ridge λ > 0, counted in units of each channel's equations."""
        weight: Tensor | None = None
        future: Tensor | None = None
        damping = 0.0
        seen = torch.ones(len(self.mixing), dtype=torch.bool, device=self.mixing.device)
        for channels, chunk in self.moments:
            seen[channels] = chunk.xx[:, CONSTANT, CONSTANT] > 0
            solved = BatchedRidge(chunk, self._regressors).solve(ridge)
            if weight is None or future is None:
                weight, future = self._of_all(solved.weight), self._of_all(solved.future)
            weight[channels], future[channels] = solved.weight, solved.future
            damping = max(damping, solved.damping)
        assert weight is not None
        assert future is not None
        return BasisWeights(weight, future, damping).with_mean_of_others(seen)

    def _of_all(self, values: Tensor) -> Tensor:
        """Return room for values (n, ...) of all channels."""
        return values.new_empty(len(self.mixing), *values.shape[1:])

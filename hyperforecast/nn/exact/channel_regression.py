"""Ridge regression for each channel alone."""

import torch
from torch import Tensor

from hyperforecast.nn.exact.batched_ridge import BatchedRidge
from hyperforecast.nn.exact.moments import ChannelMoments
from hyperforecast.nn.exact.regressors import Regressors
from hyperforecast.nn.exact.weights import BasisWeights


class ChannelRegression:
    """One ridge regression for each channel: weights that share nothing.

    The same interface as :class:`GeneratedRegression`, whose limit it is for mixing vectors that
    are one-hot; but each channel's ridge is in units of its own equations. A chunk of the channels
    is factorised and solved at a time; nothing but the weights is kept.
    """

    def __init__(self, moments: ChannelMoments, regressors: Regressors | None = None) -> None:
        self.moments = moments
        self.regressors = regressors
        numbers = torch.cat([chunk.yy for _, chunk in moments])  # one of each channel
        self.mixing = torch.eye(len(numbers), dtype=numbers.dtype, device=numbers.device)

    def solve(self, ridge: float) -> BasisWeights:
        """Solve for one ridge λ > 0, counted in units of each channel's equations."""
        weight, future, damping = self.mixing, self.mixing, 0.0
        for channels, chunk in self.moments:
            solved = BatchedRidge(chunk, self.regressors).solve(ridge)
            if weight is self.mixing:
                weight, future = self._of_all(solved.weight), self._of_all(solved.future)
            weight[channels], future[channels] = solved.weight, solved.future
            damping = max(damping, solved.damping)
        return BasisWeights(weight, future, damping)

    def _of_all(self, values: Tensor) -> Tensor:
        """Return room for values (n, ...) of all channels."""
        return values.new_empty(len(self.mixing), *values.shape[1:])

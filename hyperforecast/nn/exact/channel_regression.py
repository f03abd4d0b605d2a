"""Ridge regression for each channel alone."""

import torch
from torch import Tensor

from hyperforecast.nn.exact.generated_regression import GeneratedRegression
from hyperforecast.nn.exact.moments import ChannelMoments
from hyperforecast.nn.exact.regressors import Regressors
from hyperforecast.nn.exact.weights import BasisWeights


class ChannelRegression:
    """One ridge regression for each channel: weights that share nothing.

    The same interface as :class:`GeneratedRegression`, whose limit it is for mixing vectors that
    are one-hot; each channel's ridge is in units of its own equations.
    """

    def __init__(self, moments: ChannelMoments, regressors: Regressors | None = None) -> None:
        self.moments = moments
        one: Tensor | None = None
        self._channels: list[GeneratedRegression] = []
        for _, chunk in moments:
            one = chunk.xx.new_ones(1, 1)
            for n in range(len(chunk.xx)):
                channel = chunk.channels(slice(n, n + 1))
                self._channels.append(
                    GeneratedRegression([(slice(0, 1), channel)], one, channel, regressors)
                )
        assert one is not None
        self.mixing = torch.eye(len(self._channels), dtype=one.dtype, device=one.device)

    def solve(self, ridge: float) -> BasisWeights:
        """Solve for one ridge λ > 0, counted in units of each channel's equations."""
        solved = [channel.solve(ridge) for channel in self._channels]
        return BasisWeights(
            torch.cat([weights.weight for weights in solved]),
            torch.cat([weights.future for weights in solved]),
            max(weights.damping for weights in solved),
        )

"""Ridge regression for each channel alone."""

import torch
from torch import Tensor

from hyperforecast.nn.exact.batched_ridge import BatchedRidge
from hyperforecast.nn.exact.moments import ChannelMoments
from hyperforecast.nn.exact.regressors import CONSTANT, PENALISED
from hyperforecast.nn.exact.weights import BasisWeights


class ChannelRegression:
    """One ridge regression for each channel: weights that share nothing.

    The same interface as :class:`GeneratedRegression`, whose limit it is for mixing vectors that
    are one-hot; the ridge is the same for every channel. A chunk of the channels is factorised
    and solved at a time; nothing but the weights is kept.
    """

    def __init__(self, moments: ChannelMoments) -> None:
        self.moments = moments
        diagonals = torch.cat([BatchedRidge(chunk).diagonal() for _, chunk in moments])
        self.mixing = torch.eye(len(diagonals), dtype=diagonals.dtype, device=diagonals.device)
        self.scale = diagonals.mean().item() if diagonals.numel() else 1.0

    def solve(self, ridge: float) -> BasisWeights:
        """Solve for one ridge λ > 0."""
        jitter = 1e-12 * self.scale + torch.finfo(self.mixing.dtype).tiny  # far below any ridge
        weights: BasisWeights | None = None
        for channels, chunk in self.moments:
            damping = torch.full_like(chunk.xx[:, CONSTANT, PENALISED], ridge + jitter)
            solved = BatchedRidge(chunk).solve(damping, torch.full_like(chunk.fy, ridge))
            if weights is None:
                weights = BasisWeights(
                    *(self._of_all(one) for one in (solved.weight, solved.future))
                )
            weights.weight[channels] = solved.weight
            weights.future[channels] = solved.future
        assert weights is not None
        return weights

    def _of_all(self, values: Tensor) -> Tensor:
        """Return room for values (n, ...) of all channels."""
        return values.new_empty(len(self.mixing), *values.shape[1:])

"""Weights that are steps from others, which were solved for by themselves."""

from collections.abc import Callable

import torch
from torch import Tensor

from hyperforecast.nn.exact.moments.moments import ChannelMoments
from hyperforecast.nn.exact.regressions.pooled_regression import ResidualMoments
from hyperforecast.nn.exact.regressions.regression import Regression
from hyperforecast.nn.exact.regressions.weights import BasisWeights


class StepsFrom:
    r"""Weights :math:`W(z_n) + \Delta_n`, the first of which are given, and kept apart.

    Parameters
    ----------
    moments : iterable of (slice, Moments)
        Of C channels.
    given : BasisWeights
        M of them.
    given_mixing : Tensor, shape (C, M)
    steps : callable
        Makes the regression of the steps from the moments of what is left.
    """

    def __init__(
        self,
        moments: ChannelMoments,
        given: BasisWeights,
        given_mixing: Tensor,
        steps: Callable[[ChannelMoments], Regression],
    ) -> None:
        self._given = given
        self._steps = steps(ResidualMoments(moments, given, given_mixing))
        self.mixing = torch.cat([given_mixing, self._steps.mixing], dim=1)

    def solve(self, ridge: float) -> BasisWeights:
        """Solve for one ridge of the steps: the basis weights given, and theirs behind them."""
        return self._given.beside(self._steps.solve(ridge))

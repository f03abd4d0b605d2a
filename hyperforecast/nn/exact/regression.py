"""What every regression of a split is to those that select among settings."""

from typing import Protocol

from torch import Tensor

from hyperforecast.nn.exact.weights import BasisWeights


class Regression(Protocol):
    """Weights of one setting, for one ridge after another."""

    @property
    def mixing(self) -> Tensor:
        """Mixing vectors of the channels, (C, M)."""

    def solve(self, ridge: float) -> BasisWeights:
        """Solve for one ridge λ > 0, in units of the equations."""

"""What every regression of a split is to those that select among settings."""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from hyperforecast.nn.exact.regressions.weights import BasisWeights


class Regression(Protocol):
    """Weights of one setting, for one ridge after another."""

    @property
    def mixing(self) -> Tensor:
        """Mixing vectors of the channels, (C, M)."""

    def solve(self, ridge: float) -> BasisWeights:
        """Solve for one ridge λ > 0, in units of the equations."""


@dataclass(frozen=True)
class WithoutDrift:
    """A regression whose constants are left out of what it solves.

    They are the mean of what the regressors leave of the training targets: where a level is
    subtracted, a drift, which need not go on.
    """

    regression: Regression

    @property
    def mixing(self) -> Tensor:
        """Mixing vectors of the channels, (C, M)."""
        return self.regression.mixing

    def solve(self, ridge: float) -> BasisWeights:
        """Solve for one ridge λ > 0, and leave the constants out."""
        return self.regression.solve(ridge).without_constants()

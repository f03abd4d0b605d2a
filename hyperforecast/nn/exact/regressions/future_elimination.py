"""Coefficients of future covariates, which all steps of the horizon share."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from hyperforecast.nn.exact.linear_algebra import solve_penalised


@dataclass(frozen=True)
class PartialSolution:
    """What some steps of the horizon say of the future covariates, other weights eliminated.

    Attributes
    ----------
    own : Tensor, shape (M·p, H)
        Weights of the other regressors, the future covariates left out.
    answered : Tensor, shape (M·p, H, M·F)
        How much they fall with each coefficient of a future covariate.
    system : Tensor, shape (M·F, M·F)
        Equations for the coefficients, without a ridge.
    right : Tensor, shape (M·F,)
    """

    own: Tensor
    answered: Tensor
    system: Tensor
    right: Tensor

    def weights(self, future: Tensor) -> Tensor:
        """Return the weights of the other regressors for given coefficients: (M·p, H)."""
        return self.own - self.answered @ future if len(future) else self.own


def solve_future(parts: Sequence[PartialSolution], units: Tensor, ridge: float) -> Tensor:
    """Solve for the coefficients of the future covariates over all steps, (M·F,).

    Parameters
    ----------
    parts : sequence of PartialSolution
        Of different steps.
    units : Tensor, shape (M·F,)
        Of the ridge.
    ridge : float
    """
    system, right = sum(part.system for part in parts), sum(part.right for part in parts)
    assert isinstance(system, Tensor)
    assert isinstance(right, Tensor)
    if not len(right):
        return right
    return solve_penalised(system, right, ridge * units)

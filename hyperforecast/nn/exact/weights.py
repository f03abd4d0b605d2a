"""Solved weights, as mixtures of a few basis weights."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class BasisWeights:
    """M basis weights: those of a channel with mixing vector u are the sum over k of u_k W_k.

    Attributes
    ----------
    weight : Tensor, shape (M, H, p)
        Of the regressors.
    future : Tensor, shape (M, F)
        Of the future covariates, the same for every step.
    damping : float
        Ridge that was added to the one asked for, because rounding had made the equations
        indefinite.
    """

    weight: Tensor
    future: Tensor
    damping: float = 0.0

    def of_channels(self, mixing: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weights of channels with mixing vectors (n, M): (n, H, p) and (n, F)."""
        weight = (mixing @ self.weight.flatten(1)).unflatten(1, self.weight.shape[1:])
        return weight, mixing @ self.future

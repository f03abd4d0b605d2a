"""Solved weights, as mixtures of a few basis weights."""

from dataclasses import dataclass

import torch
from torch import Tensor

from hyperforecast.nn.exact.windows.regressors import CONSTANT


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

    def without_constants(self) -> "BasisWeights":
        """Return the weights with constants of zero."""
        weight = self.weight.clone()
        weight[..., CONSTANT] = 0.0
        return BasisWeights(weight, self.future, self.damping)

    def beside(self, others: "BasisWeights") -> "BasisWeights":
        """Return these basis weights, and others behind them."""
        return BasisWeights(
            torch.cat([self.weight, others.weight]),
            torch.cat([self.future, others.future]),
            max(self.damping, others.damping),
        )

    def followed_by_zeros(self, n_more: int) -> "BasisWeights":
        """Return these basis weights, and ``n_more`` of zeros behind them."""
        return BasisWeights(
            torch.cat([self.weight, self.weight.new_zeros(n_more, *self.weight.shape[1:])]),
            torch.cat([self.future, self.future.new_zeros(n_more, self.future.shape[1])]),
            self.damping,
        )

    def with_mean_of_others(self, seen: Tensor) -> "BasisWeights":
        """Let basis weights of which nothing was seen, (M,), be the mean of the others."""
        if not seen.all():
            for values in (self.weight, self.future):
                values[~seen] = values[seen].mean(dim=0)
        return self

    def of_channels(self, mixing: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weights of channels with mixing vectors (n, M): (n, H, p) and (n, F).

        Those of consecutive channels with weights of their own are a view.
        """
        own = _consecutive(mixing)
        if own is not None:
            return self.weight[own], self.future[own]
        weight = (mixing @ self.weight.flatten(1)).unflatten(1, self.weight.shape[1:])
        return weight, mixing @ self.future


def _consecutive(mixing: Tensor) -> slice | None:
    """Return which basis weights are those of the channels, if each has its own, in order."""
    n_channels = len(mixing)
    first = int(mixing[0].argmax()) if mixing.numel() else 0
    own = slice(first, first + n_channels)
    one_hot = torch.zeros_like(mixing)
    one_hot[:, own].fill_diagonal_(1.0)
    return own if torch.equal(mixing, one_hot) else None

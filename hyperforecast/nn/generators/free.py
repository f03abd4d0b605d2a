"""Weights that nothing generates."""

import torch
from torch import Tensor, nn

from hyperforecast.nn.generators.base import Cost, Generator
from hyperforecast.nn.stacked_linear import stacked_linear


class FreeWeights(Generator):
    """A free matrix and bias for every context, zero at the start.

    Parameters
    ----------
    n_contexts, in_features, out_features : int
        Sizes N, I and O. A context is its number.
    """

    def __init__(self, n_contexts: int, in_features: int, out_features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_contexts, out_features, in_features))
        self.bias = nn.Parameter(torch.zeros(n_contexts, out_features))

    def generate(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Return the matrices and biases of contexts given by number, (N,)."""
        if len(context) == len(self.weight):
            return self.weight, self.bias
        return self.weight[context], self.bias[context]

    def contract(self, context: Tensor, x: Tensor, axis: int) -> Tensor:
        """Apply the matrices: there is nothing to contract with."""
        weight, bias = self.generate(context)
        return stacked_linear(x.movedim(axis, 0), weight, bias).movedim(0, axis)

    def cost(self) -> Cost:
        """Count nothing to generate, and O·I weights to apply beside those that are shared."""
        _, n_out, n_in = self.weight.shape
        return Cost(generate=0, contract=n_out * n_in, held=n_out * n_in)

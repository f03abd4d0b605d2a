"""Generation of a scale and a shift."""

import torch
from torch import Tensor, nn


class ScaleShift(nn.Module):
    r"""Scales and shifts of features, linear in a context: the generator of FiLM.

    .. math:: \gamma(z_n) - 1 = A z_n + a, \qquad \beta(z_n) = B z_n + b.

    Parameters
    ----------
    context_dim : int
        Length E of a context vector z.
    n_features : int
        Number D of features.

    Attributes
    ----------
    weight : Parameter, shape (2, D, E)
        A and B, zero at the start, so features start as they are.
    bias : Parameter, shape (2, D)
        a and b, zero at the start.
    """

    def __init__(self, context_dim: int, n_features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2, n_features, context_dim))
        self.bias = nn.Parameter(torch.zeros(2, n_features))

    def generate(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Generate what is added to scales and shifts: (N, E) -> (N, D) and (N, D)."""
        scale, shift = torch.einsum("ade,ne->and", self.weight, context) + self.bias[:, None]
        return scale, shift

    def extra_repr(self) -> str:
        """Sizes, for ``print(network)``."""
        _, n_features, context_dim = self.weight.shape
        return f"context_dim={context_dim}, n_features={n_features}"

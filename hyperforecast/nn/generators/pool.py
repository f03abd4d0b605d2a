"""Mixtures of a pool of low-rank matrices."""

import torch
from torch import Tensor, nn

from hyperforecast.nn.generators.base import Cost, Generator, along
from hyperforecast.nn.stacked_linear import stacked_linear


class LowRankPool(Generator):
    r"""Mixtures of low-rank matrices that share one factor, and of biases.

    .. math:: A_n = \sum_k g_{nk} L_k R, \qquad a_n = \sum_k g_{nk} \beta_k.

    Parameters
    ----------
    n_components : int
        Number K of matrices in the pool.
    in_features, out_features : int
        Sizes I and O of a generated matrix.
    rank : int
        Rank r of every matrix.

    Attributes
    ----------
    left : Parameter, shape (K, I, r)
        Random at the start.
    right : Parameter, shape (r, O)
        Zero at the start, so every generated matrix starts at zero.
    bias : Parameter, shape (K, O)
        Zero at the start.

    References
    ----------
    Ren & Yu, "LightSAE: Parameter-Efficient and Heterogeneity-Aware Embedding for IoT
    Multivariate Time Series Forecasting", 2025, arXiv 2510.10465. Its formula has no biases; the
    authors' code has those of the components.
    """

    def __init__(self, n_components: int, in_features: int, out_features: int, rank: int) -> None:
        super().__init__()
        self.left = nn.Parameter(torch.empty(n_components, in_features, rank))
        self.right = nn.Parameter(torch.zeros(rank, out_features))
        self.bias = nn.Parameter(torch.zeros(n_components, out_features))
        nn.init.normal_(self.left, std=in_features**-0.5)

    def generate(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Mix the pool by gates (N, K)."""
        return (self._left(context) @ self.right).transpose(1, 2), context @ self.bias

    def contract(self, context: Tensor, x: Tensor, axis: int) -> Tensor:
        """Apply the two factors one after the other."""
        rows = x.movedim(axis, 0)
        y = stacked_linear(rows, self._left(context).transpose(1, 2), None) @ self.right
        return y.movedim(0, axis) + along(context @ self.bias, axis, x.dim())

    def cost(self) -> Cost:
        """Count the factors' r·I and r·O weights."""
        _, n_in, rank = self.left.shape
        n_out = self.right.shape[1]
        return Cost(generate=rank * n_in * n_out, contract=rank * (n_in + n_out), held=rank + n_out)

    def _left(self, gates: Tensor) -> Tensor:
        return torch.einsum("nk,kir->nir", gates, self.left)  # (N, I, r)

    def extra_repr(self) -> str:
        """Sizes, for ``print(network)``."""
        n_components, n_in, rank = self.left.shape
        n_out = self.right.shape[1]
        return f"n_components={n_components}, in_features={n_in}, out_features={n_out}, rank={rank}"

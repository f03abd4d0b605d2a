"""Low-rank generation: both factors of a weight are generated."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hyperforecast.nn.generators.base import Cost, Generator, along
from hyperforecast.nn.generators.trunk import make_trunk
from hyperforecast.nn.layers.initialisers import uniform_fan_in
from hyperforecast.nn.stacked_linear import stacked_linear


class OuterProduct(Generator):
    r"""Weights of low rank, made of two generated factors.

    .. math:: G(c) = U(c)\, V(c)^T, \qquad U(c) = \sum_k u_k U_k, \qquad
              V(c) = V_0 + \sum_k u_k V_k, \qquad b(c) = \sum_k u_k \beta_k, \qquad u = g(c),

    where :math:`g` is the identity or a ReLU network. A context costs r (O + I) numbers instead
    of the O·I of a dense weight.

    Parameters
    ----------
    context_dim : int
        Length E of a context vector c.
    in_features, out_features : int
        Sizes I and O of the generated layer.
    rank : int
        Rank r of the generated weight, at most the smaller of I and O.
    hidden : sequence of int
        Widths of the hidden layers of g; empty for factors that are linear in the context.
    bias : bool
        Whether a bias is generated too.

    Attributes
    ----------
    left : Parameter, shape (K, O, r)
        U_k, zero at the start, so every generated weight starts at zero.
    right : Parameter, shape (1 + K, I, r)
        V_0 and V_k; V_0 has the start of ``torch.nn.Linear``, the others are ten times smaller.
    bias_bases : Parameter, shape (K, O), optional
        Zero at the start.

    Notes
    -----
    At full rank it is a :class:`DenseGenerator`: with r = I, V_0 the identity and V_k = 0, the
    bases are the U_k.
    """

    basis_scale = 0.1

    def __init__(
        self,
        context_dim: int,
        in_features: int,
        out_features: int,
        rank: int,
        *,
        hidden: Sequence[int] = (),
        bias: bool = True,
    ) -> None:
        super().__init__()
        highest = min(in_features, out_features)
        if not 1 <= rank <= highest:
            raise ValueError(
                f"rank must lie between 1 and {highest}, the smaller of a layer's {in_features} "
                f"inputs and {out_features} outputs; got {rank}. Choose rank <= {highest}."
            )
        self.trunk, n_bases = make_trunk(context_dim, hidden)
        self.left = nn.Parameter(torch.zeros(n_bases, out_features, rank))
        self.right = nn.Parameter(torch.empty(1 + n_bases, in_features, rank))
        self.bias_bases = nn.Parameter(torch.zeros(n_bases, out_features)) if bias else None
        with torch.no_grad():
            uniform_fan_in(in_features)(self.right)
            self.right[1:].mul_(self.basis_scale)

    def generate(self, context: Tensor) -> tuple[Tensor, Tensor | None]:
        """Multiply the factors out."""
        mixing = self.trunk(context)  # (N, E) -> (N, K)
        left, right = self._factors(mixing)
        return left @ right.mT, self._bias(mixing)

    def contract(self, context: Tensor, x: Tensor, axis: int) -> Tensor:
        """Apply one factor after the other."""
        mixing = self.trunk(context)
        left, right = self._factors(mixing)
        hidden = stacked_linear(x.movedim(axis, 0), right.mT, None)  # (N, ..., r)
        y = stacked_linear(hidden, left, None).movedim(0, axis)
        bias = self._bias(mixing)
        return y if bias is None else y + along(bias, axis, x.dim())

    def cost(self) -> Cost:
        """Count the factors' r·I and r·O weights."""
        _, n_out, rank = self.left.shape
        n_in = self.right.shape[1]
        return Cost(generate=rank * n_in * n_out, contract=rank * (n_in + n_out), held=rank + n_out)

    def _factors(self, mixing: Tensor) -> tuple[Tensor, Tensor]:
        """Mix the bases of both factors: (N, K) -> (N, O, r) and (N, I, r)."""
        left = (mixing @ self.left.flatten(1)).unflatten(1, self.left.shape[1:])
        constant, bases = self.right[0], self.right[1:]
        return left, constant + (mixing @ bases.flatten(1)).unflatten(1, bases.shape[1:])

    def _bias(self, mixing: Tensor) -> Tensor | None:
        return None if self.bias_bases is None else mixing @ self.bias_bases

    def extra_repr(self) -> str:
        """Sizes, for ``print(network)``."""
        n_bases, n_out, rank = self.left.shape
        n_in = self.right.shape[1]
        return f"n_bases={n_bases}, in_features={n_in}, out_features={n_out}, rank={rank}"

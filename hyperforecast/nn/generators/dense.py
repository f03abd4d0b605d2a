"""Full-rank generation."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hyperforecast.nn.generators.base import Cost, PiecewiseGenerator, along
from hyperforecast.nn.generators.trunk import make_trunk
from hyperforecast.nn.layers.initialisers import Initialiser, uniform_fan_in
from hyperforecast.nn.layers.mixed_linear import mixed_linear


class DenseGenerator(PiecewiseGenerator):
    r"""Weights that are sums of full-rank bases.

    .. math:: G(z_n) = \sum_k u_{nk} \Phi_k, \qquad
              b(z_n) = \sum_k u_{nk} \beta_k, \qquad u_n = g(z_n),

    where :math:`g` is the identity (the linear hypernetwork of HN-MVTS) or a ReLU network.

    Parameters
    ----------
    context_dim : int
        Length E of a context vector z.
    in_features, out_features : int
        Sizes I and O of the generated layer.
    hidden : sequence of int
        Widths of the hidden layers of g; empty for a linear hypernetwork.
    initialise : callable
        Ordinary start of the layer's weight, applied to every basis, ten times smaller and with
        its mean removed, so that each generated layer starts close to an ordinary one. Rows that
        it leaves at zero stay there.
    bias : bool
        Whether a bias is generated too.

    Attributes
    ----------
    weight_bases : Parameter, shape (K, O, I)
    bias_bases : Parameter, shape (K, O), optional
        Zero at the start.
    """

    basis_scale = 0.1

    def __init__(
        self,
        context_dim: int,
        in_features: int,
        out_features: int,
        *,
        hidden: Sequence[int] = (),
        initialise: Initialiser | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.trunk, n_bases = make_trunk(context_dim, hidden)
        self.weight_bases = nn.Parameter(torch.empty(n_bases, out_features, in_features))
        self.bias_bases = nn.Parameter(torch.zeros(n_bases, out_features)) if bias else None
        initialise = initialise or uniform_fan_in(in_features)
        with torch.no_grad():
            for basis in self.weight_bases:
                initialise(basis)
            started = self.weight_bases.any(dim=2, keepdim=True)  # rows at zero stay there
            sums = self.weight_bases.sum(dim=(1, 2), keepdim=True)
            level = sums / (started.sum(dim=1, keepdim=True) * in_features)
            # the level does not change at the start
            self.weight_bases.sub_(torch.where(started, level, 0.0)).mul_(self.basis_scale)

    def generate(self, context: Tensor) -> tuple[Tensor, Tensor | None]:
        """Mix the bases."""
        mixing = self.trunk(context)  # (N, E) -> (N, K)
        return self._mixed(mixing, self.weight_bases), self._bias(mixing)

    def add_to(self, weight: Tensor, context: Tensor) -> tuple[Tensor, Tensor | None]:
        """Mix the bases and a weight that all contexts share."""
        mixing = self.trunk(context)
        # one product: adding W_0 afterwards would pass over N·O·I weights and gradients again
        with_ones = torch.cat([mixing.new_ones(len(mixing), 1), mixing], dim=1)  # (N, 1 + K)
        bases = torch.cat([weight[None], self.weight_bases])  # (1 + K, O, I)
        return self._mixed(with_ones, bases), self._bias(mixing)

    def multiply(self, weight: Tensor, bias: Tensor, context: Tensor, x: Tensor) -> Tensor:
        """Multiply by the mixtures, some rows of these after others."""
        mixing = self.trunk(context)
        own = self._bias(mixing)
        biases = bias.expand(len(mixing), -1) if own is None else own + bias
        return mixed_linear(x, mixing, weight, self.weight_bases, biases)

    def contract(self, context: Tensor, x: Tensor, axis: int) -> Tensor:
        """Apply every basis to every input, and mix what they give."""
        n_bases, n_out, _ = self.weight_bases.shape
        mixing = self.trunk(context)
        outputs = (x @ self.weight_bases.flatten(0, 1).T).unflatten(-1, (n_bases, n_out))
        mixed = (along(mixing, axis, x.dim()).unsqueeze(-1) * outputs).sum(dim=-2)
        bias = self._bias(mixing)
        return mixed if bias is None else mixed + along(bias, axis, x.dim())

    def cost(self) -> Cost:
        """Count K bases of O·I weights."""
        n_bases, n_out, n_in = self.weight_bases.shape
        return Cost(
            generate=n_bases * n_out * n_in,
            contract=n_bases * n_out * (n_in + 1),
            held=(1 + n_bases) * n_out,
        )

    def _mixed(self, mixing: Tensor, bases: Tensor) -> Tensor:
        return (mixing @ bases.flatten(1)).unflatten(1, self.weight_bases.shape[1:])

    def _bias(self, mixing: Tensor) -> Tensor | None:
        return None if self.bias_bases is None else mixing @ self.bias_bases

    def extra_repr(self) -> str:
        """Sizes, for ``print(network)``."""
        n_bases, n_out, n_in = self.weight_bases.shape
        return f"n_bases={n_bases}, in_features={n_in}, out_features={n_out}"

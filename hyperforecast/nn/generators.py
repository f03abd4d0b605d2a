"""Generators: from a context to the weights of a layer."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

Initialiser = Callable[[Tensor], object]


def uniform_fan_in(fan_in: int) -> Initialiser:
    """Return torch's own start of a linear layer: uniform in ``±1/sqrt(fan_in)``."""
    bound = fan_in**-0.5

    def initialise(weight: Tensor) -> None:
        nn.init.uniform_(weight, -bound, bound)

    return initialise


class DenseGenerator(nn.Module):
    r"""Full-rank generation of a linear layer's weights.

    .. math:: W_n = W_0 + \sum_k u_{nk} \Phi_k, \qquad
              b_n = b_0 + \sum_k u_{nk} \beta_k, \qquad u_n = g(z_n),

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
        Ordinary start of the layer's weight, applied to W_0 and, ten times smaller and with its
        mean removed, to every basis, so that each generated layer starts close to an ordinary one.
    bias : bool
        Whether a bias is generated too.
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
        self.in_features = in_features
        self.out_features = out_features
        widths = [context_dim, *hidden]
        self.trunk = nn.Sequential(
            *(
                layer
                for fan_in, fan_out in pairwise(widths)
                for layer in (nn.Linear(fan_in, fan_out), nn.ReLU())
            )
        )
        n_bases = widths[-1]
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        self.weight_bases = nn.Parameter(torch.empty(n_bases, out_features, in_features))
        self.bias = nn.Parameter(torch.empty(out_features)) if bias else None
        self.bias_bases = nn.Parameter(torch.empty(n_bases, out_features)) if bias else None
        self._reset(initialise or uniform_fan_in(in_features))

    @torch.no_grad()
    def _reset(self, initialise: Initialiser) -> None:
        initialise(self.weight)
        for basis in self.weight_bases:
            initialise(basis)
            basis.sub_(basis.mean())  # contexts do not change the level at the start
        self.weight_bases.mul_(self.basis_scale)
        if self.bias is not None and self.bias_bases is not None:
            uniform_fan_in(self.in_features)(self.bias)
            self.bias_bases.zero_()

    def forward(self, context: Tensor) -> tuple[Tensor, Tensor | None]:
        """Generate the weights of N contexts: (N, E) -> (N, O, I) and (N, O)."""
        mixing = self.trunk(context)  # (N, E) -> (N, K)
        mixing = torch.cat([mixing.new_ones(len(mixing), 1), mixing], dim=1)  # -> (N, 1 + K)
        bases = torch.cat([self.weight[None], self.weight_bases])  # (1 + K, O, I)
        # one product: adding W_0 afterwards would pass over N·O·I weights and gradients again
        weight = (mixing @ bases.flatten(1)).unflatten(1, self.weight.shape)
        if self.bias is None or self.bias_bases is None:
            return weight, None
        return weight, mixing @ torch.cat([self.bias[None], self.bias_bases])

    def contract(self, context: Tensor, x: Tensor) -> Tensor:
        """Apply the generated layers without holding their weights: (B, N, ..., I) -> (…, O).

        Equal to generating the weights and applying them, at a memory cost of B·N·K·O instead
        of N·O·I.
        """
        mixing = self.trunk(context)  # (N, K)
        bases = torch.cat([self.weight[None], self.weight_bases])  # (1 + K, O, I)
        outputs = x @ bases.flatten(0, 1).T  # (B, N, ..., (1 + K)·O)
        outputs = outputs.unflatten(-1, (len(bases), self.out_features))
        ones = mixing.new_ones(len(mixing), 1)
        y = torch.einsum("nk,bn...ko->bn...o", torch.cat([ones, mixing], dim=1), outputs)
        if self.bias is None or self.bias_bases is None:
            return y
        bias = self.bias + mixing @ self.bias_bases  # (N, O)
        return y + bias.view(1, len(bias), *(1,) * (x.dim() - 3), self.out_features)


class LowRankPool(nn.Module):
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

    def mix(self, gates: Tensor) -> tuple[Tensor, Tensor]:
        """Mix the left factors and the biases: (N, K) -> (N, I, r) and (N, O)."""
        return torch.einsum("nk,kir->nir", gates, self.left), gates @ self.bias

    def forward(self, gates: Tensor) -> tuple[Tensor, Tensor]:
        """Generate matrices, laid out as in a linear layer, and biases: (N, O, I) and (N, O)."""
        left, bias = self.mix(gates)
        return (left @ self.right).transpose(1, 2), bias


class LoRAExperts(nn.Module):
    r"""Mixtures of low-rank matrices that share no factor.

    .. math:: A_s = c \sum_p \alpha_{sp} B_p A_p.

    Parameters
    ----------
    n_experts : int
        Number P of matrices.
    in_features, out_features : int
        Sizes I and O of a generated matrix.
    rank : int
        Rank r of every matrix.
    scaling : float, default=1.0
        Factor c of the mixtures; "alpha / r" of the literature on LoRA.

    Attributes
    ----------
    down : Parameter, shape (P, r, I)
        The factors A, with the start of ``torch.nn.Linear``.
    up : Parameter, shape (P, O, r)
        The factors B, zero at the start, so every generated matrix starts at zero.

    References
    ----------
    Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022, arXiv 2106.09685;
    Pan et al., "Mixture of Low Rank Adaptation with Partial Parameter Sharing for Time Series
    Forecasting", 2025, arXiv 2505.17872.
    """

    def __init__(
        self,
        n_experts: int,
        in_features: int,
        out_features: int,
        rank: int,
        *,
        scaling: float = 1.0,
    ) -> None:
        super().__init__()
        self.scaling = scaling
        self.down = nn.Parameter(torch.empty(n_experts, rank, in_features))
        self.up = nn.Parameter(torch.zeros(n_experts, out_features, rank))
        uniform_fan_in(in_features)(self.down.data)

    def forward(self, shares: Tensor) -> Tensor:
        """Generate matrices, laid out as in a linear layer: shares (S, P) -> (S, O, I)."""
        up = torch.einsum("sp,por->sopr", shares, self.up).flatten(2)  # (S, O, P·r)
        return self.scaling * (up @ self.down.flatten(0, 1))

    def contract(self, shares: Tensor, x: Tensor) -> Tensor:
        """Apply the matrices without holding them: (S or 1, ..., I) -> (S, ..., O)."""
        n_experts, _, rank = self.up.shape
        hidden = (x @ self.down.flatten(0, 1).T).unflatten(-1, (n_experts, rank))
        shares = shares.view(len(shares), *(1,) * (x.dim() - 2), n_experts, 1)
        up = self.up.transpose(1, 2).flatten(0, 1)  # (P·r, O)
        return (self.scaling * shares * hidden).flatten(-2) @ up

    def extra_repr(self) -> str:
        """Sizes, for ``print(network)``."""
        n_experts, out_features, rank = self.up.shape
        return (
            f"n_experts={n_experts}, in_features={self.down.shape[2]}, "
            f"out_features={out_features}, rank={rank}, scaling={self.scaling}"
        )

"""Mixtures of low-rank adaptations."""

import torch
from torch import Tensor, nn

from hyperforecast.nn.generators.base import Cost, Generator, along
from hyperforecast.nn.layers.initialisers import uniform_fan_in


class LoRAExperts(Generator):
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

    def generate(self, context: Tensor) -> tuple[Tensor, None]:
        """Mix the experts by shares (S, P)."""
        up = torch.einsum("sp,por->sopr", context, self.up).flatten(2)  # (S, O, P·r)
        return self.scaling * (up @ self.down.flatten(0, 1)), None

    def contract(self, context: Tensor, x: Tensor, axis: int) -> Tensor:
        """Apply all experts' factors one after the other, and mix in between."""
        n_experts, _, rank = self.up.shape
        hidden = (x @ self.down.flatten(0, 1).T).unflatten(-1, (n_experts, rank))
        shares = along(context, axis, x.dim()).unsqueeze(-1)  # (..., S, ..., P, 1)
        up = self.up.transpose(1, 2).flatten(0, 1)  # (P·r, O)
        return (self.scaling * shares * hidden).flatten(-2) @ up

    def cost(self) -> Cost:
        """Count the factors' P·r·I and P·r·O weights."""
        n_experts, n_out, rank = self.up.shape
        n_in = self.down.shape[2]
        return Cost(
            generate=n_experts * rank * n_in * n_out,
            contract=n_experts * rank * (n_in + n_out),
            held=n_experts * rank + n_out,
        )

    def extra_repr(self) -> str:
        """Sizes, for ``print(network)``."""
        n_experts, out_features, rank = self.up.shape
        return (
            f"n_experts={n_experts}, in_features={self.down.shape[2]}, "
            f"out_features={out_features}, rank={rank}, scaling={self.scaling}"
        )

"""Attention."""

from torch import Tensor, nn

from hyperforecast.nn.layers.conditioning import Condition, Conditioned, run
from hyperforecast.nn.layers.dropout import Dropout


class SelfAttention(Conditioned):
    r"""Multi-head scaled dot-product attention of tokens to each other: (..., N, D) -> (…, N, D).

    .. math:: y = [\mathrm{softmax}(q_1 k_1^T / \sqrt{d})\, v_1, \dots,
              \mathrm{softmax}(q_n k_n^T / \sqrt{d})\, v_n]\, W_O, \qquad d = D / n.

    Parameters
    ----------
    d_model : int
        Width D of a token.
    n_heads : int
        Number n of heads, a divisor of D.
    dropout : float, default=0.0
        Probability of dropping an attention weight.

    References
    ----------
    Vaswani et al., "Attention Is All You Need", NeurIPS 2017, arXiv 1706.03762.
    """

    def __init__(self, d_model: int, n_heads: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        if n_heads < 1 or d_model % n_heads:
            raise ValueError(
                f"n_heads must divide d_model, so that every head has the same width; got "
                f"n_heads={n_heads} and d_model={d_model}."
            )
        self.n_heads = n_heads
        self.scale = (d_model // n_heads) ** -0.5
        self.query = nn.Linear(d_model, d_model)
        self.key = nn.Linear(d_model, d_model)
        self.value = nn.Linear(d_model, d_model)
        self.output = nn.Linear(d_model, d_model)
        self.dropout = Dropout(dropout) if dropout else nn.Identity()

    def forward(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        """Let tokens x of shape (..., N, D) attend to each other."""
        query = self._heads(run(self.query, x, condition)) * self.scale
        key = self._heads(run(self.key, x, condition))
        value = self._heads(run(self.value, x, condition))
        attention = (query @ key.transpose(-1, -2)).softmax(dim=-1)  # (..., n, N, N)
        # written out: torch's fused kernel has its dropout inside, where no host can keep it on
        heads = self.dropout(attention) @ value  # (..., n, N, d)
        return run(self.output, heads.transpose(-3, -2).flatten(-2), condition)

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.n_heads, -1)).transpose(-3, -2)  # (…, N, D) -> (…, n, N, d)

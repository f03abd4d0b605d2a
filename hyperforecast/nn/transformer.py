"""The layer that transformer encoders are stacked from."""

from collections.abc import Callable

from torch import Tensor, nn

from hyperforecast.nn.attention import SelfAttention
from hyperforecast.nn.dropout import Dropout
from hyperforecast.nn.methods.base import Method


class TransformerLayer(nn.Module):
    """Attention, then a perceptron on each token; each is added and normalised (post-norm).

    Parameters
    ----------
    method : Method
        Maker of the linear layers.
    d_model : int
        Width D of a token.
    n_heads : int
        Number of attention heads, a divisor of D.
    d_ff : int
        Width of the perceptron's hidden layer.
    norm : callable
        Makes a normalisation of the last axis from D.
    dropout : float, default=0.0
        Probability of dropping a value that the attention or either layer of the perceptron
        gives.
    attention_dropout : float, default=0.0
        Probability of dropping an attention weight.
    """

    def __init__(
        self,
        method: Method,
        d_model: int,
        n_heads: int,
        d_ff: int,
        *,
        norm: Callable[[int], nn.Module],
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.attention = SelfAttention(method, d_model, n_heads, dropout=attention_dropout)
        self.attention_dropout = Dropout(dropout)
        self.attention_norm = norm(d_model)
        self.mlp = nn.Sequential(
            method.projection(d_model, d_ff),
            nn.GELU(),
            Dropout(dropout),
            method.projection(d_ff, d_model),
            Dropout(dropout),
        )
        self.mlp_norm = norm(d_model)

    def forward(self, x: Tensor) -> Tensor:
        """Encode tokens: (..., N, D) -> (..., N, D)."""
        x = self.attention_norm(x + self.attention_dropout(self.attention(x)))
        return self.mlp_norm(x + self.mlp(x))

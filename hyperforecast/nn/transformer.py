"""The layer that transformer encoders are stacked from."""

from collections.abc import Callable

from torch import Tensor, nn

from hyperforecast.nn.hyper_layers.modulation import Activations
from hyperforecast.nn.layers.attention import SelfAttention
from hyperforecast.nn.layers.conditioning import Chain, Condition, Conditioned, run
from hyperforecast.nn.layers.dropout import Dropout


class TransformerLayer(Conditioned):
    """Attention, then a perceptron on each token; each is added and normalised (post-norm).

    Parameters
    ----------
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
        d_model: int,
        n_heads: int,
        d_ff: int,
        *,
        norm: Callable[[int], nn.Module],
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.attention = SelfAttention(d_model, n_heads, dropout=attention_dropout)
        self.attention_dropout = Dropout(dropout)
        self.attention_norm = norm(d_model)
        self.attended = Activations()
        self.mlp = Chain(
            nn.Linear(d_model, d_ff),
            nn.GELU(),
            Dropout(dropout),
            nn.Linear(d_ff, d_model),
            Dropout(dropout),
        )
        self.mlp_norm = norm(d_model)

    def forward(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        """Encode tokens: (..., N, D) -> (..., N, D)."""
        x = self.attention_norm(x + self.attention_dropout(self.attention(x, condition)))
        x = run(self.attended, x, condition)
        return self.mlp_norm(x + self.mlp(x, condition))

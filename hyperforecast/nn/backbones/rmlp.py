"""RMLP."""

from torch import Tensor, nn

from hyperforecast.nn.backbones.base import Backbone
from hyperforecast.nn.hyper_layers.modulation import Activations
from hyperforecast.nn.layers.conditioning import Chain, Condition, run
from hyperforecast.nn.layers.dropout import Dropout


class RMLP(Backbone):
    """RLinear with a residual two-layer perceptron between embedding and head.

    Parameters
    ----------
    lookback, n_channels
        See :class:`Backbone`.
    d_model : int, default=512
        Width D of the embedding.
    d_ff : int, optional
        Width of the perceptron's hidden layer; ``d_model`` if not given.
    dropout : float, default=0.0
        Probability of dropping a hidden unit.

    References
    ----------
    Li et al., "Revisiting Long-term Time Series Forecasting: An Investigation on Linear
    Mapping", 2023, arXiv 2305.10721. Deviations: the paper's perceptron works on the window
    itself; here it works on an embedding of it. RevIN is without its affine map unless
    ``instance_norm="revin-affine"``.
    """

    default_instance_norm = "revin"
    channel_independent = True

    def __init__(
        self,
        lookback: int,
        n_channels: int,
        *,
        d_model: int = 512,
        d_ff: int | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(lookback, n_channels)
        d_ff = d_model if d_ff is None else d_ff
        self.embedding = nn.Linear(lookback, d_model)
        self.embedded = Activations()
        self.mlp = Chain(
            nn.Linear(d_model, d_ff),
            nn.ReLU(),
            Dropout(dropout),
            nn.Linear(d_ff, d_model),
        )
        self.feature_dim = d_model

    def embed(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        """Embed windows: (B, C, L) -> (B, C, D)."""
        return run(self.embedded, run(self.embedding, x, condition), condition)

    def encode(self, embedded: Tensor, condition: Condition | None = None) -> Tensor:
        """Add what the perceptron makes of the embedding: (B, C, D) -> (B, C, D)."""
        return embedded + self.mlp(embedded, condition)

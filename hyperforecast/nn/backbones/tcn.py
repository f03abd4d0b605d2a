"""TCN."""

from torch import Tensor, nn

from hyperforecast.nn.backbones.base import Backbone
from hyperforecast.nn.errors import check_sizes
from hyperforecast.nn.hyper_layers.modulation import Activations
from hyperforecast.nn.layers.causal_conv import CausalConv
from hyperforecast.nn.layers.conditioning import Condition, Conditioned, run
from hyperforecast.nn.layers.dropout import Dropout


class TCN(Backbone):
    """Causal convolutions over the steps of a channel, twice as far apart from block to block.

    Channels are independent. The features of the last step go to the head.

    Parameters
    ----------
    lookback, n_channels
        See :class:`Backbone`.
    d_model : int, default=32
        Number D of features of a step.
    kernel_size : int, default=3
        Number of steps that a kernel touches.
    e_layers : int, optional
        Number of blocks of two convolutions each. As many as make the last step see all of the
        window if not given.
    dropout : float, default=0.1
        Probability of dropping a value after each convolution.

    References
    ----------
    Bai, Kolter & Koltun, "An Empirical Evaluation of Generic Convolutional and Recurrent Networks
    for Sequence Modeling", 2018, arXiv 1803.01271. Deviations: each step is first mapped to D
    features, so that all convolutions have the same sizes; no weight normalisation; single values
    are dropped, not whole features.
    """

    default_instance_norm = "revin"
    channel_independent = True

    def __init__(
        self,
        lookback: int,
        n_channels: int,
        *,
        d_model: int = 32,
        kernel_size: int = 3,
        e_layers: int | None = None,
        dropout: float = 0.1,
    ) -> None:
        super().__init__(lookback, n_channels)
        if e_layers is None:
            e_layers = blocks_to_see(lookback, kernel_size)
        check_sizes(d_model=d_model, kernel_size=kernel_size, e_layers=e_layers)
        self.embedding = nn.Linear(1, d_model)
        self.embedded = Activations()
        self.blocks = nn.ModuleList(
            _Block(d_model, kernel_size, 2**i, dropout) for i in range(e_layers)
        )
        self.feature_dim = d_model

    def embed(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        """Embed steps: (B, C, L) -> (B, C, L, D)."""
        return run(self.embedded, run(self.embedding, x.unsqueeze(-1), condition), condition)

    def encode(self, embedded: Tensor, condition: Condition | None = None) -> Tensor:
        """Return the features of the last step: (B, C, L, D) -> (B, C, D)."""
        return self.encode_steps(embedded, condition)[..., -1, :]

    def encode_steps(self, embedded: Tensor, condition: Condition | None = None) -> Tensor:
        """Return the features of every step: (B, C, L, D) -> (B, C, L, D)."""
        x = embedded.flatten(0, -3).mT  # (B·C, D, L)
        for block in self.blocks:
            x = block(x, condition)
        return x.mT.reshape(embedded.shape)


def blocks_to_see(lookback: int, kernel_size: int) -> int:
    """Return how many blocks make the last step see all of the window."""
    count, seen = 1, 1 + 2 * (kernel_size - 1)
    while seen < lookback and kernel_size > 1:
        seen += 2 * (kernel_size - 1) * 2**count
        count += 1
    return count


class _Block(Conditioned):
    """Two convolutions, and what came in added: (N, D, L) -> (N, D, L)."""

    def __init__(self, d_model: int, kernel_size: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.first = CausalConv(d_model, d_model, kernel_size, dilation)
        self.second = CausalConv(d_model, d_model, kernel_size, dilation)
        self.activation = nn.ReLU()
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        y = x
        for layer in (self.first, self.second):
            y = self.dropout(self.activation(run(layer, y, condition)))
        return self.activation(x + y)

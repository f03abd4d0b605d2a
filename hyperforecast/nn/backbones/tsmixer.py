"""TSMixer."""

from torch import Tensor, nn

from hyperforecast.nn.backbones.base import Backbone
from hyperforecast.nn.errors import check_sizes
from hyperforecast.nn.hyper_layers.modulation import Activations
from hyperforecast.nn.layers.batch_norm import BatchNorm
from hyperforecast.nn.layers.conditioning import Chain, Condition, Conditioned, run
from hyperforecast.nn.layers.dropout import Dropout


class TSMixer(Backbone):
    """Blocks that mix the steps of each channel, then the channels of each step.

    Parameters
    ----------
    lookback, n_channels
        See :class:`Backbone`.
    e_layers : int, default=2
        Number of blocks; the paper chooses among 1 to 12, ``n_block`` in its code.
    d_ff : int, default=64
        Width of the hidden layer that mixes channels; the paper's are 8 to 512, ``ff_dim`` in
        its code.
    dropout : float, default=0.1
        Probability of dropping a value; the paper's are 0.3 to 0.9.

    References
    ----------
    Chen et al., "TSMixer: An All-MLP Architecture for Time Series Forecasting", TMLR 2023,
    arXiv 2303.06053: the model without auxiliary inputs. As there, batch normalisation goes over
    the windows of a batch for each step of each channel. Deviations: its momentum and epsilon are
    torch's; RevIN is without its affine map unless ``instance_norm="revin-affine"``; covariates
    enter linearly, see :class:`~hyperforecast.nn.ForecastingNetwork`.
    """

    default_instance_norm = "revin"

    def __init__(
        self,
        lookback: int,
        n_channels: int,
        *,
        e_layers: int = 2,
        d_ff: int = 64,
        dropout: float = 0.1,
    ) -> None:
        super().__init__(lookback, n_channels)
        check_sizes(e_layers=e_layers, d_ff=d_ff)
        self.blocks = Chain(
            *(_MixerBlock(lookback, n_channels, d_ff, dropout) for _ in range(e_layers))
        )
        self.feature_dim = lookback

    def embed(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        """Pass windows (B, C, L) on: TSMixer has no embedding."""
        return x

    def encode(self, embedded: Tensor, condition: Condition | None = None) -> Tensor:
        """Mix windows: (B, C, L) -> (B, C, L)."""
        return self.blocks(embedded, condition)


class _MixerBlock(Conditioned):
    """One layer over time and a perceptron over channels, each normalised first and added."""

    def __init__(self, lookback: int, n_channels: int, d_ff: int, dropout: float) -> None:
        super().__init__()
        self.time_norm = BatchNorm(n_channels, lookback)
        self.time_mixing = Chain(nn.Linear(lookback, lookback), nn.ReLU(), Dropout(dropout))
        self.time_mixed = Activations()
        self.feature_norm = BatchNorm(n_channels, lookback)
        self.feature_mixing = Chain(
            nn.Linear(n_channels, d_ff),
            nn.ReLU(),
            Dropout(dropout),
            nn.Linear(d_ff, n_channels),
            Dropout(dropout),
        )

    def forward(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        x = x + self.time_mixing(self.time_norm(x), condition)  # (..., C, L)
        x = run(self.time_mixed, x, condition)
        by_step = self.feature_norm(x).transpose(-1, -2)  # (..., C, L) -> (..., L, C)
        return x + self.feature_mixing(by_step, condition).transpose(-1, -2)

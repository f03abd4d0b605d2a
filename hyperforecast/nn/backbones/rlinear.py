"""RLinear."""

from torch import Tensor, nn

from hyperforecast.nn.backbones.base import Backbone
from hyperforecast.nn.layers.conditioning import Condition, run


class RLinear(Backbone):
    """A linear embedding of the RevIN-normalised window and a linear head.

    Parameters
    ----------
    lookback, n_channels
        See :class:`Backbone`.
    d_model : int, default=512
        Width D of the embedding.

    References
    ----------
    Li et al., "Revisiting Long-term Time Series Forecasting: An Investigation on Linear
    Mapping", 2023, arXiv 2305.10721. Deviations: the paper's single map L -> H is factored into
    L -> D -> H, so that there is an embedding whose weights can be generated; no dropout of the
    inputs, which the authors' code has; RevIN is without its affine map unless
    ``instance_norm="revin-affine"``.
    """

    default_instance_norm = "revin"
    channel_independent = True

    def __init__(self, lookback: int, n_channels: int, *, d_model: int = 512) -> None:
        super().__init__(lookback, n_channels)
        self.embedding = nn.Linear(lookback, d_model)
        self.feature_dim = d_model

    def embed(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        """Embed windows: (B, C, L) -> (B, C, D)."""
        return run(self.embedding, x, condition)

    def encode(self, embedded: Tensor, condition: Condition | None = None) -> Tensor:
        """Pass the embedding on as features."""
        return embedded

"""RLinear."""

from torch import Tensor

from hyperforecast.nn.backbones.base import Backbone
from hyperforecast.nn.methods.base import Method


class RLinear(Backbone):
    """A linear embedding of the RevIN-normalised window and a linear head.

    Parameters
    ----------
    lookback, n_channels, method
        See :class:`Backbone`.
    d_model : int, default=512
        Width D of the embedding.

    References
    ----------
    Li et al., "Revisiting Long-term Time Series Forecasting: An Investigation on Linear
    Mapping", 2023, arXiv 2305.10721. Deviations: the paper's single map L -> H is factored into
    L -> D -> H, so that there is an embedding whose weights a method can generate; RevIN is without
    its affine map unless ``instance_norm="revin-affine"``.
    """

    default_instance_norm = "revin"
    channel_independent = True

    def __init__(
        self, lookback: int, n_channels: int, method: Method, *, d_model: int = 512
    ) -> None:
        super().__init__(lookback, n_channels, method)
        self.embedding = method.embedding(lookback, d_model)
        self.feature_dim = d_model

    def embed(self, x: Tensor) -> Tensor:
        """Embed windows: (B, C, L) -> (B, C, D)."""
        return self.embedding(x)

    def encode(self, embedded: Tensor) -> Tensor:
        """Pass the embedding on as features."""
        return embedded

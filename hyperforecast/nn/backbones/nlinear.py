"""NLinear."""

from torch import Tensor

from hyperforecast.nn.backbones.base import Backbone
from hyperforecast.nn.layers.conditioning import Condition


class NLinear(Backbone):
    """One linear map from the window less its last value, which is added back.

    Subtracting and adding back is the network's instance normalisation, ``"last"`` by default;
    with ``instance_norm="none"`` this is the plain linear map.

    References
    ----------
    Zeng et al., "Are Transformers Effective for Time Series Forecasting?", AAAI 2023,
    arXiv 2205.13504.
    """

    default_instance_norm = "last"
    channel_independent = True

    def __init__(self, lookback: int, n_channels: int) -> None:
        super().__init__(lookback, n_channels)
        self.feature_dim = lookback

    def head_of_linear_map(self, weight: Tensor) -> Tensor:
        """Return the map itself."""
        return weight

    def linear_map_of_head(self, weight: Tensor) -> Tensor:
        """Return the head itself."""
        return weight

    def embed(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        """Pass windows (B, C, L) on: NLinear has no embedding."""
        return x

    def encode(self, embedded: Tensor, condition: Condition | None = None) -> Tensor:
        """Pass windows (B, C, L) on as features."""
        return embedded

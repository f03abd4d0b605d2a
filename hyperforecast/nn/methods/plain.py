"""The plain backbone: the baseline of every comparison."""

from torch import nn

from hyperforecast.nn.generators import Initialiser
from hyperforecast.nn.layers import ChannelLinear
from hyperforecast.nn.methods.base import Method


class Plain(Method):
    """No generated weights.

    Parameters
    ----------
    n_channels : int
        Number of channels C.
    individual : bool, default=False
        One head for each channel instead of one for all, as "individual" means in DLinear and
        PatchTST.
    """

    def __init__(self, n_channels: int, *, individual: bool = False) -> None:
        super().__init__(n_channels)
        self.individual = individual

    def head(
        self, in_features: int, out_features: int, *, initialise: Initialiser, bias: bool = True
    ) -> nn.Module:
        """Make one layer, or one for each channel."""
        if not self.individual:
            return super().head(in_features, out_features, initialise=initialise, bias=bias)
        return ChannelLinear(
            self.n_channels, in_features, out_features, initialise=initialise, bias=bias
        )

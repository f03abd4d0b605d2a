"""The plain backbone: the baseline of every comparison."""

from typing import Any

from torch import nn

from hyperforecast.nn.generators import Initialiser
from hyperforecast.nn.layers import ChannelLinear
from hyperforecast.nn.methods.base import Method
from hyperforecast.nn.options import option, option_group, takes


@option_group
class PlainOptions:
    """Options of the plain method."""

    individual: bool = option(
        default=False,
        doc="""One head for each channel instead of one for all, as "individual" means in DLinear
        and PatchTST.""",
    )


@takes(PlainOptions)
class Plain(Method):
    """No generated weights.

    Parameters
    ----------
    n_channels : int
        Number of channels C.
    {parameters}
    """

    def __init__(self, n_channels: int, **options: Any) -> None:
        super().__init__(n_channels)
        self.individual = PlainOptions(**options).individual

    def head(
        self, in_features: int, out_features: int, *, initialise: Initialiser, bias: bool = True
    ) -> nn.Module:
        """Make one layer, or one for each channel."""
        if not self.individual:
            return super().head(in_features, out_features, initialise=initialise, bias=bias)
        return ChannelLinear(
            self.n_channels, in_features, out_features, initialise=initialise, bias=bias
        )

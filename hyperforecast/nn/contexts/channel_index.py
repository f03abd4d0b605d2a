"""The number of a channel."""

import torch
from torch import Tensor

from hyperforecast.nn.contexts.base import Context
from hyperforecast.nn.layers.conditioning import Condition


class ChannelIndex(Context):
    """Nothing but which channel it is: the context of weights that channels do not share.

    Parameters
    ----------
    n_channels : int
        Number of channels C.
    """

    axis = "channel"
    index: Tensor

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.register_buffer("index", torch.arange(n_channels), persistent=False)

    def forward(self, condition: Condition | None = None) -> Tensor:
        """Return the numbers of the channels, shape (C,)."""
        return self.index

    def extra_repr(self) -> str:
        """Sizes, for ``print(network)``."""
        return f"n_channels={len(self.index)}"

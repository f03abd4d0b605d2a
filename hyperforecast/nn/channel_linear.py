"""A linear layer with free weights for every channel."""

import torch
from torch import Tensor, nn

from hyperforecast.nn.layers.conditioning import Condition, Conditioned
from hyperforecast.nn.layers.initialisers import Initialiser, uniform_fan_in
from hyperforecast.nn.stacked_linear import linear_of_rows, stacked_linear


def channel_linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Apply to each channel its own linear map.

    Parameters
    ----------
    x : Tensor, shape (B, C, ..., I) or (B, 1, ..., I)
        With one entry on the channel axis, every channel's map is applied to the same input.
    weight : Tensor, shape (C, O, I)
    bias : Tensor, shape (C, O), optional

    Returns
    -------
    Tensor, shape (B, C, ..., O)
    """
    return stacked_linear(x.movedim(1, 0), weight, bias).movedim(0, 1)


class ChannelLinear(Conditioned):
    """A linear layer with free weights for every channel: (B, C, ..., I) -> (B, C, ..., O).

    What a folded hypernetwork becomes, and the "individual" layer of DLinear and PatchTST.

    Parameters
    ----------
    n_channels, in_features, out_features : int
        Sizes C, I and O.
    initialise : callable, optional
        Start of one channel's weight; every channel starts at the same one.
    bias : bool
    n_axes : int, optional
        Number of axes of the input where the horizon is not cut into segments; with one more, the
        first has the segments. Without it the first has the windows.
    """

    def __init__(
        self,
        n_channels: int,
        in_features: int,
        out_features: int,
        *,
        initialise: Initialiser | None = None,
        bias: bool = True,
        n_axes: int | None = None,
    ) -> None:
        super().__init__()
        self.n_axes = n_axes
        self.weight = nn.Parameter(torch.empty(n_channels, out_features, in_features))
        self.bias = nn.Parameter(torch.empty(n_channels, out_features)) if bias else None
        with torch.no_grad():
            (initialise or uniform_fan_in(in_features))(self.weight[0])
            self.weight[1:] = self.weight[0]
            if self.bias is not None:
                uniform_fan_in(in_features)(self.bias[0])
                self.bias[1:] = self.bias[0]

    def forward(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        """Apply each channel's layer: (B, C, ..., I) -> (B, C, ..., O)."""
        leading = 0 if self.n_axes is None else x.dim() - self.n_axes
        rows = None if condition is None else condition.rows
        return linear_of_rows(x, self.weight, self.bias, ("channel",), leading, rows)

"""Causal convolution."""

from torch import Tensor, nn
from torch.nn import functional

from hyperforecast.nn.layers.weight_layout import Layout


class CausalConv(nn.Conv1d):
    r"""A dilated convolution that sees no later step: (N, I, T) -> (N, O, T).

    .. math:: y_t = b + \sum_{j<k} W_j\, x_{t - (k - 1 - j)\delta}, \qquad x_t = 0 \text{ for } t<0.

    Parameters
    ----------
    in_channels, out_channels : int
        Sizes I and O.
    kernel_size : int
        Number k of steps that the kernel touches.
    dilation : int, default=1
        Steps δ between them.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, dilation: int = 1
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve x."""
        return causal_conv(x, self.weight, self.bias, self.dilation[0])

    def layouts(self) -> dict[str, Layout]:
        """Return how the kernel is cut from a longer one: the latest steps stay."""
        return {"weight": Layout(tuple(self.weight.shape), ("first", "first", "last"))}


def causal_conv(x: Tensor, weight: Tensor, bias: Tensor | None, dilation: int) -> Tensor:
    """Convolve x (N, I, T) with a kernel (O, I, k), zeros before the first step."""
    margin = (weight.shape[-1] - 1) * dilation
    return functional.conv1d(functional.pad(x, (margin, 0)), weight, bias, dilation=dilation)

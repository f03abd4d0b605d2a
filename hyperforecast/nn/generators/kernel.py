"""Generation of convolution kernels."""

import torch
from torch import Tensor, nn

from hyperforecast.nn.layers.initialisers import uniform_fan_in
from hyperforecast.nn.layers.weight_layout import Layout


class KernelGenerator(nn.Module):
    r"""Kernels generated slice by slice, by two linear maps.

    .. math:: a_i = W_i z + B_i, \qquad K_i = W_{out}\, a_i + B_{out}, \qquad i = 1, \dots, I.

    The slice of input feature i is made by a first map of its own and a second one that all slices
    share, from the one vector of the kernel. One generator serves all layers.

    Parameters
    ----------
    context_dim : int
        Length E of a vector z.
    in_channels, out_channels, kernel_size : int
        Sizes I, O and k of a generated kernel.
    hidden : int
        Length d of the vectors a.

    Attributes
    ----------
    first_weight : Parameter, shape (I, d, E)
    first_bias : Parameter, shape (I, d)
    second_weight : Parameter, shape (O·k, d)
    second_bias : Parameter, shape (O·k,)
        Zero at the start. The other three start so that kernels have the deviation of an ordinary
        layer.

    References
    ----------
    Ha, Dai & Le, "HyperNetworks", 2016, arXiv 1609.09106, equation 2.
    """

    def __init__(
        self, context_dim: int, in_channels: int, out_channels: int, kernel_size: int, hidden: int
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.first_weight = nn.Parameter(torch.empty(in_channels, hidden, context_dim))
        self.first_bias = nn.Parameter(torch.empty(in_channels, hidden))
        self.second_weight = nn.Parameter(torch.empty(out_channels * kernel_size, hidden))
        self.second_bias = nn.Parameter(torch.zeros(out_channels * kernel_size))
        with torch.no_grad():
            # vectors have length one: the two terms of a have a variance of 1/2 each
            self.first_weight.normal_(std=0.5**0.5)
            self.first_bias.normal_(std=0.5**0.5)
            uniform_fan_in(hidden * in_channels * kernel_size)(self.second_weight)

    def generate(self, context: Tensor) -> tuple[Tensor, None]:
        """Generate the kernels of vectors (N, E): (N, O, I, k)."""
        hidden = torch.einsum("ide,ne->nid", self.first_weight, context) + self.first_bias
        slices = hidden @ self.second_weight.T + self.second_bias  # (N, I, O·k)
        return slices.unflatten(-1, (-1, self.kernel_size)).transpose(1, 2), None

    @property
    def in_channels(self) -> int:
        """Number of input features I of a kernel."""
        return self.first_weight.shape[0]

    @property
    def out_channels(self) -> int:
        """Number of output features O of a kernel."""
        return len(self.second_weight) // self.kernel_size

    def layouts(self) -> dict[str, Layout]:
        """Return how the second map is cut from that of longer kernels: the latest steps stay."""
        sizes = self.out_channels, self.kernel_size
        hidden = self.second_weight.shape[1]
        return {
            "second_weight": Layout((*sizes, hidden), ("first", "last")),
            "second_bias": Layout(sizes, ("first", "last")),
        }

    def extra_repr(self) -> str:
        """Sizes, for ``print(network)``."""
        _, hidden, context_dim = self.first_weight.shape
        return (
            f"context_dim={context_dim}, in_channels={self.in_channels}, "
            f"out_channels={self.out_channels}, "
            f"kernel_size={self.kernel_size}, hidden={hidden}"
        )

"""A convolution whose kernel is generated."""

import torch
from torch import Tensor, nn

from hyperforecast.nn.generators import KernelGenerator
from hyperforecast.nn.hyper_layers.hyper_layer import HyperLayer
from hyperforecast.nn.layers.causal_conv import CausalConv, causal_conv
from hyperforecast.nn.layers.conditioning import Condition
from hyperforecast.nn.layers.weight_layout import Layout


class HyperConv(HyperLayer[KernelGenerator]):
    r"""A causal convolution whose kernel is the sum of generated ones: (N, I, T) -> (N, O, T).

    .. math:: W = \sum_t G_t(c_t), \qquad W_0 = 0.

    The base is zero and no parameter, as in "HyperNetworks" (Ha, Dai & Le 2016, arXiv 1609.09106):
    what all layers have in common is the generator. A kernel that is wider than the generator's
    is laid out in blocks, one for each vector of the layer.

    Parameters
    ----------
    base : CausalConv
        The plain layer: sizes, dilation and bias are its own.
    n_axes : int
        See :class:`HyperLayer`.
    """

    def __init__(self, base: CausalConv, n_axes: int) -> None:
        super().__init__(n_axes)
        self.in_channels = base.in_channels
        self.out_channels = base.out_channels
        self.kernel_size = base.kernel_size[0]
        self.dilation = base.dilation[0]
        self.bias = base.bias

    def generate(self, shared: bool = False) -> tuple[Tensor, Tensor | None]:
        """Generate the kernel (O, I, k); the bias is the layer's own."""
        kernels = [
            self._joined(term.generator.generate(term.context())[0])
            for term in self.static_terms(shared)
        ]
        return torch.stack(kernels).sum(dim=0), self.bias

    def forward(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        """Convolve x."""
        weight, bias = self.weights()
        return causal_conv(x, weight, bias, self.dilation)

    def fold(self) -> CausalConv:
        """Return the plain convolution."""
        folded = CausalConv(self.in_channels, self.out_channels, self.kernel_size, self.dilation)
        with torch.no_grad():
            weight, bias = self.generate()
        folded.weight = nn.Parameter(weight.clone())
        folded.bias = None if bias is None else nn.Parameter(bias.clone())
        return folded.train(self.training)

    def layouts(self) -> dict[str, Layout]:
        """Return how the vectors of blocks are cut from those of a wider layer, block by block."""
        found = {}
        for name, term in zip(self.terms, self.static_terms(shared=False), strict=True):
            n_blocks, dim = term.context().shape
            n_columns = self.in_channels // term.generator.in_channels
            found[f"terms.{name}.context.weight"] = Layout((n_blocks // n_columns, n_columns, dim))
        return found

    def _joined(self, blocks: Tensor) -> Tensor:
        """Lay blocks (N, o, i, k) out as one kernel (O, I, k), row by row."""
        n_rows, n_columns = (
            self.out_channels // blocks.shape[1],
            self.in_channels // blocks.shape[2],
        )
        grid = blocks.unflatten(0, (n_rows, n_columns))  # (O/o, I/i, o, i, k)
        return grid.transpose(1, 2).reshape(self.out_channels, self.in_channels, -1)

    def extra_repr(self) -> str:
        """Sizes, for ``print(network)``."""
        return (
            f"in_channels={self.in_channels}, out_channels={self.out_channels}, "
            f"kernel_size={self.kernel_size}, dilation={self.dilation}"
        )

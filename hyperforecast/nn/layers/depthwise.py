"""Depthwise convolution with long kernels."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from hyperforecast.nn.layers.static_layer import StaticLayer

_MAX_BAND = 2**24  # 64 MB in float32


def depthwise_conv(x: Tensor, kernel: Tensor) -> Tensor:
    """Convolve every feature with its own kernel, zeros around: (B, F, N) -> (B, F, N).

    Parameters
    ----------
    x : Tensor, shape (B, F, N)
    kernel : Tensor, shape (F, 1, K)
        K odd.

    Notes
    -----
    Where the kernel is long for the number of steps, a CPU is several times faster with the same
    map written as F banded matrices (N, N).
    """
    n_features, _, size = kernel.shape
    n_steps = x.shape[-1]
    if x.is_cuda or n_steps > 4 * size or n_features * n_steps**2 > _MAX_BAND:
        return functional.conv1d(x, kernel, padding=size // 2, groups=n_features)
    # band[f, i, j] = kernel[f, j - i + K // 2], zero outside of the kernel
    padded = functional.pad(kernel.squeeze(1), (n_steps, n_steps))
    rows = padded.unfold(1, n_steps, 1)[:, size // 2 + 1 : size // 2 + 1 + n_steps]
    band = rows.flip(1)  # (F, N, N)
    return torch.bmm(x.transpose(0, 1), band.transpose(1, 2)).transpose(0, 1)


class ReparameterisedConv(StaticLayer):
    """A long depthwise kernel trained beside a short one: (B, F, N) -> (B, F, N).

    In training each kernel's output is batch-normalised over windows and steps, and the two are
    added. With running statistics that is one convolution, which :meth:`generate` returns: short
    kernel and normalisations are merged into the long one.

    Parameters
    ----------
    n_features : int
        Number of features F, each with its own kernels.
    large_size, small_size : int
        Lengths of the two kernels, odd.

    References
    ----------
    Ding et al., "Scaling Up Your Kernels to 31x31: Revisiting Large Kernel Design in CNNs", CVPR
    2022, arXiv 2203.06717.
    """

    def __init__(self, n_features: int, large_size: int, small_size: int) -> None:
        super().__init__()
        for name, size in (("large_size", large_size), ("small_size", small_size)):
            if size < 1 or size % 2 == 0:
                raise ValueError(
                    f"{name} must be an odd number of steps, so that the kernel is centred; got "
                    f"{size}."
                )
        if small_size > large_size:
            raise ValueError(
                f"small_size must not be longer than large_size, {large_size}; got {small_size}."
            )
        self.large = nn.Conv1d(n_features, n_features, large_size, groups=n_features, bias=False)
        self.large_norm = nn.BatchNorm1d(n_features)
        self.small = nn.Conv1d(n_features, n_features, small_size, groups=n_features, bias=False)
        self.small_norm = nn.BatchNorm1d(n_features)

    def generate(self, shared: bool = False) -> tuple[Tensor, Tensor]:
        """Merge the kernels, the same for all segments: weight (F, 1, K) and bias (F,)."""
        large, large_bias = _with_norm(self.large.weight, self.large_norm)
        small, small_bias = _with_norm(self.small.weight, self.small_norm)
        margin = (large.shape[-1] - small.shape[-1]) // 2
        return large + functional.pad(small, (margin, margin)), large_bias + small_bias

    def forward(self, x: Tensor) -> Tensor:
        """Convolve x of shape (B, F, N)."""
        # a single value of each feature has no statistics: see BatchNorm
        if self.training and x.shape[0] * x.shape[-1] > 1:
            large = _normalised(depthwise_conv(x, self.large.weight), self.large_norm)
            return large + _normalised(depthwise_conv(x, self.small.weight), self.small_norm)
        kernel, bias = self.weights()
        y = depthwise_conv(x, kernel)
        return y if bias is None else y + bias.unsqueeze(-1)

    def fold(self) -> nn.Conv1d:
        """Return the plain depthwise convolution with the merged kernel."""
        with torch.no_grad():
            kernel, bias = self.generate()
        n_features, _, size = kernel.shape
        folded = nn.Conv1d(n_features, n_features, size, padding=size // 2, groups=n_features)
        folded.weight = nn.Parameter(kernel.detach())
        folded.bias = nn.Parameter(bias.detach())
        return folded.train(self.training)


def _normalised(x: Tensor, norm: nn.BatchNorm1d) -> Tensor:
    """Apply ``norm`` to x of shape (B, F, N), whose features lie outermost in memory."""
    rows = x.transpose(0, 1).flatten(1)  # (F, B·N), without a copy
    return norm(rows.unsqueeze(0)).view(x.shape[1], -1, x.shape[2]).transpose(0, 1)


def _with_norm(kernel: Tensor, norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """Return kernel and bias of a convolution followed by a norm with its running statistics."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()  # (F,)
    return kernel * scale.view(-1, 1, 1), norm.bias - norm.running_mean * scale

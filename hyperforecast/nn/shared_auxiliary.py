"""Layers of a weight that all channels share and an auxiliary one of each channel's own."""

import torch
from torch import Tensor, nn

from hyperforecast.nn.contexts import ChannelGate
from hyperforecast.nn.generators import LowRankPool
from hyperforecast.nn.layers import ChannelLinear, StaticLayer, channel_linear


class FreeAuxiliary(nn.Module):
    """A free matrix and bias for every channel, zero at the start.

    Parameters
    ----------
    n_channels, in_features, out_features : int
        Sizes C, I and O.
    """

    def __init__(self, n_channels: int, in_features: int, out_features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_channels, out_features, in_features))
        self.bias = nn.Parameter(torch.zeros(n_channels, out_features))

    def forward(self) -> tuple[Tensor, Tensor]:
        """Return matrices (C, O, I) and biases (C, O)."""
        return self.weight, self.bias


class PooledAuxiliary(nn.Module):
    """A mixture of the matrices and biases of a pool for every channel, zero at the start.

    Parameters
    ----------
    gate : ChannelGate
        Each channel's share of every component; may be shared with other layers.
    pool : LowRankPool
    """

    def __init__(self, gate: ChannelGate, pool: LowRankPool) -> None:
        super().__init__()
        self.gate = gate
        self.pool = pool

    def forward(self) -> tuple[Tensor, Tensor]:
        """Return matrices (C, O, I) and biases (C, O)."""
        return self.pool(self.gate())

    def contract(self, x: Tensor) -> Tensor:
        """Apply the matrices without holding them: (B, C, ..., I) -> (B, C, ..., O)."""
        left, bias = self.pool.mix(self.gate())  # (C, I, r) and (C, O)
        y = channel_linear(x, left.transpose(1, 2), None) @ self.pool.right
        return y + bias.view(len(bias), *(1,) * (x.dim() - 3), -1)


class SharedAuxiliaryLinear(StaticLayer):
    r"""A linear layer whose weight is shared in part: (B, C, ..., I) -> (B, C, ..., O).

    .. math:: e_n = x_n (W_{sh} + A_n) + b_{sh} + a_n.

    Parameters
    ----------
    n_channels, in_features, out_features : int
        Sizes C, I and O.
    auxiliary : FreeAuxiliary or PooledAuxiliary
        The channels' matrices A and biases a, zero at the start.

    Attributes
    ----------
    weight : Parameter, shape (O, I)
        The shared weight, with the start of ``torch.nn.Linear``.
    bias : Parameter, shape (O,)
        The shared bias.

    Notes
    -----
    A pooled auxiliary part is applied in the cheaper of two equal ways: add it up to C·O·I
    weights and apply these, or apply the shared weight and the two low-rank factors one after the
    other. The second is taken where the weights are more than ``max_generated``, and in training
    where the batch has so few inputs for each channel that generating would cost more.
    """

    max_generated = 2**26
    """Number of weights (256 MB in float32) above which they are never all generated."""

    def __init__(
        self,
        n_channels: int,
        in_features: int,
        out_features: int,
        auxiliary: FreeAuxiliary | PooledAuxiliary,
    ) -> None:
        super().__init__()
        self.n_channels = n_channels
        shared = nn.Linear(in_features, out_features)
        self.weight = shared.weight
        self.bias = shared.bias
        self.auxiliary = auxiliary

    def generate(self) -> tuple[Tensor, Tensor]:
        """Generate weight (C, O, I) and bias (C, O)."""
        weight, bias = self.auxiliary()
        return self.weight + weight, self.bias + bias

    def forward(self, x: Tensor) -> Tensor:
        """Apply each channel's layer: (B, C, ..., I) -> (B, C, ..., O)."""
        if isinstance(self.auxiliary, PooledAuxiliary) and self._contracts(x):
            shared = nn.functional.linear(x, self.weight, self.bias)
            return shared + self.auxiliary.contract(x)
        return channel_linear(x, *self.weights())

    def _contracts(self, x: Tensor) -> bool:
        n_out, n_in = self.weight.shape
        if self.n_channels * n_out * n_in > self.max_generated:
            return True
        # both ways apply C·O·I weights to each input; contracting adds r·(I + O) to each channel's
        # input, generating adds r·I·O to each channel
        n_inputs = x.numel() // (self.n_channels * n_in)
        return self.training and n_inputs * (n_in + n_out) < n_in * n_out

    def fold(self) -> ChannelLinear:
        """Return the :class:`ChannelLinear` that holds the sums."""
        with torch.no_grad():
            weight, bias = self.generate()
        n_channels, n_out, n_in = weight.shape
        folded = ChannelLinear(n_channels, n_in, n_out)
        folded.weight = nn.Parameter(weight.detach())
        folded.bias = nn.Parameter(bias.detach())
        return folded.train(self.training)

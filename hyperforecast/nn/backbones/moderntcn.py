"""ModernTCN."""

import torch
from torch import Tensor, nn

from hyperforecast.nn.backbones.base import Backbone
from hyperforecast.nn.errors import check_sizes
from hyperforecast.nn.hyper_layers.modulation import Activations
from hyperforecast.nn.layers.batch_norm import BatchNorm, batch_norm
from hyperforecast.nn.layers.conditioning import Condition, run
from hyperforecast.nn.layers.depthwise import ReparameterisedConv
from hyperforecast.nn.layers.dropout import Dropout
from hyperforecast.nn.layers.initialisers import uniform_fan_in
from hyperforecast.nn.layers.patching import Patching, patch_sizes
from hyperforecast.nn.layers.weight_layout import Layout


class ModernTCN(Backbone):
    """Blocks of a long convolution over patches, then perceptrons over features and channels.

    Parameters
    ----------
    lookback, n_channels
        See :class:`Backbone`.
    d_model : int, default=64
        Number D of features of each channel, as in the paper.
    e_layers : int, default=1
        Number of blocks, as in the paper; ``num_blocks`` in its code.
    ffn_ratio : int, default=1
        Width of the perceptrons' hidden layers as a multiple of their input; the paper's are 1
        and 8.
    large_size : int, default=51
        Length of the convolution's kernel in patches, odd, as in the paper.
    small_size : int, default=5
        Length of the kernel trained beside it and merged with it afterwards, odd, as in the paper.
    patch_len : int, optional
        Steps in a patch; 8 as in the paper, or the lookback where that is shorter, if not given.
    stride : int, optional
        Steps from patch to patch; half of ``patch_len`` as in the paper if not given.
    dropout : float, default=0.3
        Probability of dropping a value in a perceptron; the paper's are 0.3 and 0.4.

    References
    ----------
    Luo & Wang, "ModernTCN: A Modern Pure Convolution Structure for General Time Series Analysis",
    ICLR 2024: one stage without downsampling, as it forecasts with. As there, the last value is
    repeated at the end of the window so that there is a patch for each stride, batch
    normalisation goes by feature over windows, channels and patches alike, and that of the
    convolution by channel and feature. Deviation: a rest of less than a stride is a patch too,
    so that no recent step is dropped. The perceptrons have weights of their own for each channel
    or feature, and are no sites of a part; the patch embedding and the head are.
    """

    default_instance_norm = "revin"

    def __init__(
        self,
        lookback: int,
        n_channels: int,
        *,
        d_model: int = 64,
        e_layers: int = 1,
        ffn_ratio: int = 1,
        large_size: int = 51,
        small_size: int = 5,
        patch_len: int | None = None,
        stride: int | None = None,
        dropout: float = 0.3,
    ) -> None:
        super().__init__(lookback, n_channels)
        check_sizes(d_model=d_model, e_layers=e_layers, ffn_ratio=ffn_ratio)
        patch_len, stride = patch_sizes(lookback, patch_len, stride, usual=8)
        padding = patch_len - stride + -lookback % stride
        self.patching = Patching(lookback, patch_len, stride, padding=padding)
        self.embedding = nn.Linear(patch_len, d_model)
        self.embedding_norm = BatchNorm(d_model)
        self.embedded = Activations()
        self.blocks = nn.Sequential(
            *(
                _ConvBlock(n_channels, d_model, ffn_ratio, large_size, small_size, dropout)
                for _ in range(e_layers)
            )
        )
        self.feature_shape = self.patching.n_patches, d_model
        self.feature_dim = self.patching.n_patches * d_model

    def embed(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        """Embed patches: (B, C, L) -> (B, C, N, D)."""
        patches = run(self.embedding, self.patching(x), condition)
        return run(self.embedded, self.embedding_norm(patches), condition)

    def encode(self, embedded: Tensor, condition: Condition | None = None) -> Tensor:
        """Convolve and mix patches, then lay them side by side: (B, C, N, D) -> (B, C, N·D)."""
        windows = embedded.flatten(0, -4)  # any leading axes count as windows
        y = self.blocks(windows.permute(1, 3, 0, 2).contiguous())  # (C, D, B, N)
        return y.permute(2, 0, 3, 1).reshape(embedded.shape).flatten(-2)


class _ConvBlock(nn.Module):
    """Mixes patches, features and channels one after the other: (C, D, B, N) -> (C, D, B, N).

    In this order of the axes each of the three is a batch of matrix products as it lies.
    """

    def __init__(
        self,
        n_channels: int,
        d_model: int,
        ffn_ratio: int,
        large_size: int,
        small_size: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.sizes = n_channels, d_model
        self.conv = ReparameterisedConv(n_channels * d_model, large_size, small_size)
        self.norm = nn.BatchNorm1d(d_model)
        self.feature_mixing = _GroupedMLP(n_channels, d_model, ffn_ratio * d_model, dropout)
        self.channel_mixing = _GroupedMLP(d_model, n_channels, ffn_ratio * n_channels, dropout)

    def layouts(self) -> dict[str, Layout]:
        """Return what the features of the convolution are: those of each channel."""
        of_features = dict(self.conv.named_parameters(prefix="conv"))
        return {
            name: Layout((*self.sizes, *weight.shape[1:]), ("first", "first", "first", "centre"))
            if weight.dim() == 3
            else Layout(self.sizes)
            for name, weight in of_features.items()
        }

    def forward(self, x: Tensor) -> Tensor:
        n_channels, d_model, _, _ = x.shape
        y = self.conv(x.flatten(0, 1).transpose(0, 1))  # (C, D, B, N) -> (B, C·D, N)
        y = y.transpose(0, 1).unflatten(0, (n_channels, d_model)).flatten(2)  # -> (C, D, B·N)
        y = self.feature_mixing(batch_norm(self.norm, y))  # weights by channel
        y = self.channel_mixing(y.transpose(0, 1))  # (D, C, B·N), weights by feature
        return x + y.transpose(0, 1).reshape(x.shape)


class _GroupedMLP(nn.Module):
    """A perceptron with weights of its own for each group: (G, I, R) -> (G, I, R)."""

    def __init__(self, n_groups: int, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.first = _GroupedLinear(n_groups, width, hidden)
        self.second = _GroupedLinear(n_groups, hidden, width)
        self.activation = nn.GELU()
        self.dropout = Dropout(dropout)
        self.last_dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.activation(self.dropout(self.first(x)))
        return self.last_dropout(self.second(hidden))


class _GroupedLinear(nn.Module):
    """A grouped pointwise convolution, the rows last: (G, I, R) -> (G, O, R)."""

    def __init__(self, n_groups: int, in_features: int, out_features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_groups, out_features, in_features))
        self.bias = nn.Parameter(torch.empty(n_groups, out_features))
        uniform_fan_in(in_features)(self.weight.data)
        uniform_fan_in(in_features)(self.bias.data)

    def forward(self, x: Tensor) -> Tensor:
        return torch.bmm(self.weight, x) + self.bias.unsqueeze(-1)

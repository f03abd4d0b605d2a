"""Layers that use channel-specific weights."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn

from hyperforecast.nn.contexts import ChannelEmbedding
from hyperforecast.nn.generators import DenseGenerator, Initialiser, uniform_fan_in


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


def stacked_linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Apply to each entry of the leading axis its own linear map.

    Parameters
    ----------
    x : Tensor, shape (N, ..., I) or (1, ..., I)
        With one entry on the leading axis, every map is applied to the same input.
    weight : Tensor, shape (N, O, I)
    bias : Tensor, shape (N, O), optional

    Returns
    -------
    Tensor, shape (N, ..., O)
    """
    n_maps, out_features, in_features = weight.shape
    if len(x) == 1 and n_maps > 1:
        y = x.squeeze(0) @ weight.reshape(-1, in_features).T  # (..., N·O)
        y = y.unflatten(-1, (n_maps, out_features)).movedim(-2, 0).contiguous()
        if bias is not None:
            y = y + bias.view(n_maps, *(1,) * (x.dim() - 2), out_features)
        return y
    rows = x.reshape(n_maps, -1, in_features)
    if bias is None:
        y = torch.bmm(rows, weight.transpose(1, 2))
    else:
        y = torch.baddbmm(bias.unsqueeze(1), rows, weight.transpose(1, 2))
    return y.reshape(*x.shape[:-1], out_features)


class ChannelLinear(nn.Module):
    """A linear layer with free weights for every channel: (B, C, ..., I) -> (B, C, ..., O).

    What a folded hypernetwork becomes, and the "individual" layer of DLinear and PatchTST.

    Parameters
    ----------
    n_channels, in_features, out_features : int
        Sizes C, I and O.
    initialise : callable, optional
        Start of one channel's weight; every channel starts at the same one.
    bias : bool
    """

    def __init__(
        self,
        n_channels: int,
        in_features: int,
        out_features: int,
        *,
        initialise: Initialiser | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_channels, out_features, in_features))
        self.bias = nn.Parameter(torch.empty(n_channels, out_features)) if bias else None
        with torch.no_grad():
            (initialise or uniform_fan_in(in_features))(self.weight[0])
            self.weight[1:] = self.weight[0]
            if self.bias is not None:
                uniform_fan_in(in_features)(self.bias[0])
                self.bias[1:] = self.bias[0]

    def forward(self, x: Tensor) -> Tensor:
        """Apply each channel's layer: (B, C, ..., I) -> (B, C, ..., O)."""
        return channel_linear(x, self.weight, self.bias)


class StaticLayer(nn.Module, ABC):
    """A layer whose weights are generated from contexts that do not depend on the input.

    In ``eval`` mode without gradients the weights are generated once and kept until a parameter
    changes or ``train()`` is called; :meth:`fold` returns the plain layer that the trained one
    amounts to. Neither changes the layer.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kept: tuple[tuple, tuple[Tensor, Tensor | None]] | None = None

    @abstractmethod
    def generate(self) -> tuple[Tensor, Tensor | None]:
        """Generate weight and bias: the only source of what the layer applies."""

    @abstractmethod
    def fold(self) -> nn.Module:
        """Return a layer of free weights that computes the same."""

    def weights(self) -> tuple[Tensor, Tensor | None]:
        """Return weight and bias, generated once for a run of predictions."""
        if torch.compiler.is_compiling():
            return self.generate()
        if self.training or torch.is_grad_enabled():
            self._kept = None  # Lightning returns to training without calling train()
            return self.generate()
        state = self._state()
        if self._kept is None or self._kept[0] != state:
            with torch.inference_mode(False), torch.no_grad():
                self._kept = (state, self.generate())
        return self._kept[1]

    def _state(self) -> tuple:
        # in-place updates raise a parameter's version; new storage has another address
        return tuple(
            (p.data_ptr(), p.device, 0 if p.is_inference() else p._version)
            for p in (*self.parameters(), *self.buffers())
        )

    def train(self, mode: bool = True) -> Self:
        """Set the mode; a call for training forgets kept weights."""
        if mode:  # Lightning calls eval() at every prediction
            self._kept = None
        return super().train(mode)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        before = self._state()
        super()._apply(fn, recurse)
        if self._state() != before:  # a later move may bring another storage to the old address
            self._kept = None
        return self

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_kept": None}


class GeneratedLinear(StaticLayer):
    """A linear layer whose weights are generated for each channel: (B, C, ..., I) -> (…, O).

    Parameters
    ----------
    context : ChannelEmbedding
        One vector for each channel; may be shared with other layers.
    generator : DenseGenerator
        From a channel's vector to its weights.

    Notes
    -----
    In training the layer takes the cheaper of two equal ways: generate the C·O·I weights and
    apply them, or, where these are many, contract the input with the generator's bases.
    """

    max_generated = 2**26
    """Number of weights (256 MB in float32) above which contraction is considered."""

    def __init__(self, context: ChannelEmbedding, generator: DenseGenerator) -> None:
        super().__init__()
        self.context = context
        self.generator = generator

    def generate(self) -> tuple[Tensor, Tensor | None]:
        """Generate weight (C, O, I) and bias (C, O)."""
        return self.generator(self.context())

    def forward(self, x: Tensor) -> Tensor:
        """Apply each channel's generated layer: (B, C, ..., I) -> (B, C, ..., O)."""
        n_channels = self.context.n_channels
        n_bases, n_out, n_in = self.generator.weight_bases.shape
        n_weights = n_channels * n_out * n_in
        if self.training and x.shape[1] == n_channels and n_weights > self.max_generated:
            n_contracted = x.numel() // n_in * (1 + n_bases) * n_out
            if n_contracted < n_weights:
                return self.generator.contract(self.context(), x)
        return channel_linear(x, *self.weights())

    def apply_to(self, x: Tensor, channels: slice) -> Tensor:
        """Apply the layers of some channels alone: (B, c, ..., I) -> (B, c, ..., O)."""
        return channel_linear(x, *self.generator(self.context()[channels]))

    def fold(self) -> ChannelLinear:
        """Return the :class:`ChannelLinear` that holds the generated weights."""
        with torch.no_grad():
            weight, bias = self.generate()
        n_channels, n_out, n_in = weight.shape
        folded = ChannelLinear(n_channels, n_in, n_out, bias=bias is not None)
        folded.weight = nn.Parameter(weight.detach())
        if bias is not None:
            folded.bias = nn.Parameter(bias.detach())
        return folded.train(self.training)

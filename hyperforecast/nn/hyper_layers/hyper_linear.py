"""The layer of the one equation: a shared weight and generated terms."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from hyperforecast.nn.channel_linear import ChannelLinear
from hyperforecast.nn.contexts.base import AXES, Axis
from hyperforecast.nn.entities import by_window, check_axes, pick, side_by_side
from hyperforecast.nn.generators import Generator
from hyperforecast.nn.generators.base import PiecewiseGenerator
from hyperforecast.nn.hyper_layers.hyper_layer import HyperLayer
from hyperforecast.nn.hyper_layers.term import Term
from hyperforecast.nn.layers.conditioning import Condition
from hyperforecast.nn.layers.mixed_linear import mixes_in_pieces
from hyperforecast.nn.stacked_linear import (
    StackedLinear,
    compute_once,
    lifted,
    linear_along,
    position,
)


class HyperLinear(HyperLayer[Generator]):
    r"""A linear layer whose weight is a shared one and generated terms.

    .. math:: W(c) = W_0 + \sum_t G_t(c_t), \qquad b(c) = b_0 + \sum_t g_t(c_t).

    Parameters
    ----------
    base : Linear or ChannelLinear
        The plain layer; its parameters become this layer's, under the same names. One weight for
        all, (O, I), or one for each channel, (C, O, I).
    n_axes : int
        See :class:`HyperLayer`.

    Notes
    -----
    The channel axis of the input, where a term or the base has one, is the second: (B, C, ..., I).

    A term is applied in the cheaper of two equal ways. Its weights can be generated and added to
    the shared one; that happens once for a run of predictions. Or the input can be contracted with
    the generator, and the result be added to what the shared weight gives. Contraction is taken
    where it takes fewer multiplications, in training and for terms that depend on the window, whose
    weights cannot be kept; where the weights are more than ``max_generated``, memory decides, and
    contraction is taken if it holds fewer numbers.
    """

    max_generated = 2**26
    """Number of generated weights (256 MB in float32) above which memory decides."""

    def __init__(self, base: nn.Linear | ChannelLinear, n_axes: int) -> None:
        super().__init__(n_axes)
        self.weight = base.weight
        self.bias = base.bias

    @property
    def in_features(self) -> int:
        """Number of inputs I."""
        return self.weight.shape[-1]

    @property
    def out_features(self) -> int:
        """Number of outputs O."""
        return self.weight.shape[-2]

    @property
    def base_axes(self) -> tuple[Axis, ...]:
        """The channels, if the base has a weight for each of them."""
        return ("channel",) if self.weight.dim() == 3 else ()

    def generate(self, shared: bool = False) -> tuple[Tensor, Tensor | None]:
        """Generate weight (*axes, O, I) and bias (*axes, O) of all terms that are static.

        The bias is of length one along axes along which it does not differ.
        """
        return self._sum(self.static_terms(shared))

    def forward(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        """Apply the weights: (B, ..., I) -> (B, ..., O), with segments (S, B, ..., I) -> (S, …)."""
        self.forgets()  # where no weights are asked for, too
        leading = x.dim() - self.n_axes
        n_segments, x = compute_once(x) if leading else (1, x)
        shared = not leading
        terms, axes, _ = self.of_pass(shared)
        rows = None
        if condition is not None and condition.rows is not None and "channel" in axes:
            check_axes(axes)
            n_channels, rows = condition.rows.shape[1], condition.rows.flatten()
            x = side_by_side(x, n_channels, leading)
        contracts = [self._contracts(term, x, leading, n_segments) for term in terms]
        contracted = [term for term, alone in zip(terms, contracts, strict=True) if alone]
        generated = [term for term, alone in zip(terms, contracts, strict=True) if not alone]
        if contracted:
            axes = self.axes_of(generated)
        elif rows is None and (y := self._multiplied(x)) is not None:
            return y
        fixed = all(term.context.static for term in generated)
        fixed = fixed and not any(term.context.static for term in contracted)
        if fixed and (rows is None or not self.training):
            weight, bias = self.weights(shared)
            if rows is not None and "channel" in axes:
                weight = pick(weight, axes, rows)
                bias = None if bias is None else pick(bias, axes, rows)
        else:
            weight, bias = self._sum(generated, condition, slice(None) if rows is None else rows)
        if axes and axes[0] == "segment" and n_segments < weight.shape[0]:
            weight, bias = weight[:n_segments], None if bias is None else bias[:n_segments]
        y = linear_along(x, weight, bias, axes, leading)
        for term in contracted:
            vectors = term.context(condition)
            if term.axis == "segment":
                vectors = vectors[:n_segments]
            if term.axis == "channel" and rows is not None:
                vectors = vectors[rows]
            y = y + term.generator.contract(vectors, x, position(term.axis, leading))
        if rows is not None:
            y = by_window(y, n_channels, leading)
        return y.expand(n_segments, *y.shape[1:]) if leading and y.shape[0] < n_segments else y

    def apply_to(self, x: Tensor, channels: slice) -> Tensor:
        """Apply the layers of some channels alone: (B, c, ..., I) -> (B, c, ..., O)."""
        assert self.axes == ("channel",)
        self.forgets()
        if (y := self._multiplied(x, channels)) is not None:
            return y
        weight, bias = self._sum(self.static_terms(shared=False), channels=channels)
        return linear_along(x, weight, bias, ("channel",), 0)

    def _multiplied(self, x: Tensor, channels: slice = slice(None)) -> Tensor | None:
        """Multiply (B, C, I) by weights that are never held whole; ``None`` where they have to be.

        In training they would be written and read several times, and not be kept.
        """
        if not self.multiplies_in_pieces(x):
            return None
        (term,) = self.of_pass(shared=False)[0]
        vectors = term.context()[channels]
        if x.shape[1] != len(vectors) or self.bias is None:
            return None
        rows = x.transpose(0, 1)
        assert isinstance(term.generator, PiecewiseGenerator)
        return term.generator.multiply(self.weight, self.bias, vectors, rows).transpose(0, 1)

    def multiplies_in_pieces(self, x: Tensor) -> bool:
        """Say whether a pass that trains on (B, C, ...) multiplies by weights not held whole."""
        terms, axes, static = self.of_pass(shared=False)
        if not (self.training and axes == ("channel",) and len(terms) == 1 and static):
            return False
        plain = x.dim() == self.n_axes == 3 and not self.base_axes
        return plain and isinstance(terms[0].generator, PiecewiseGenerator) and mixes_in_pieces(x)

    def fold(self) -> nn.Module:
        """Return the plain layer of the summed weights."""
        self.check_static()
        with torch.no_grad():
            weight, bias = self.generate()
        weight, bias = weight.clone(), None if bias is None else bias.clone()
        if "segment" in self.axes:
            return StackedLinear(weight, bias, self.axes, self.n_axes).train(self.training)
        folded: nn.Linear | ChannelLinear
        n_out, n_in = weight.shape[-2:]
        if self.axes:
            folded = ChannelLinear(
                len(weight), n_in, n_out, bias=bias is not None, n_axes=self.n_axes
            )
            bias = None if bias is None else bias.expand(len(weight), n_out).clone()
        else:
            folded = nn.Linear(n_in, n_out, bias=bias is not None)
        folded.weight = nn.Parameter(weight)
        if bias is not None:
            folded.bias = nn.Parameter(bias)
        return folded.train(self.training)

    def _sum(
        self,
        terms: Sequence[Term[Generator]],
        condition: Condition | None = None,
        channels: slice | Tensor = slice(None),
    ) -> tuple[Tensor, Tensor | None]:
        """Add some terms to the base, of some channels: weight (*axes, O, I), bias (*axes, O)."""
        own = self.base_axes
        weight: Tensor = self.weight
        bias: Tensor | None = self.bias
        if own:
            weight, bias = weight[channels], None if bias is None else bias[channels]
        for term in terms:
            vectors = term.context(condition)
            if term.axis == "channel":
                vectors = vectors[channels]
            along: tuple[Axis, ...] = (term.axis,) if term.axis in AXES else ()
            axes = tuple(axis for axis in AXES if axis in {*own, *along})
            if own:
                generated, added = term.made(term.generator.generate, vectors)
                generated = generated if along else generated[0]
                weight = lifted(weight, own, axes) + lifted(generated, along, axes)
            else:
                weight, added = term.made(partial(term.generator.add_to, weight), vectors)
                weight = weight if along else weight[0]
            if bias is not None:
                bias = lifted(bias, own, axes)
            if added is not None:
                added = lifted(added if along else added[0], along, axes)
                bias = added if bias is None else bias + added
            own = axes
        return weight, bias

    def _contracts(self, term: Term[Generator], x: Tensor, leading: int, n_segments: int) -> bool:
        """Decide whether to contract the input instead of generating the term's weights.

        The one rule for all generators, from what each says that the two ways cost.
        """
        if term.axis not in AXES:
            return False  # one weight for all that passes
        place = position(term.axis, leading)
        n_contexts = n_segments if term.axis == "segment" else x.shape[place]
        n_weights = self.weight.shape[-2] * self.weight.shape[-1]
        many = n_contexts * n_weights > self.max_generated
        kept = term.context.static and not self.training
        if (kept and not many) or (n_contexts == 1 and term.axis == "channel"):
            return False  # the latter for one input of all channels
        n_inputs = x.numel() // (x.shape[place] * self.in_features)  # of each context
        cost = term.generator.cost()
        if many:
            return n_inputs * cost.held < n_weights
        # forwards, and backwards to the input and to the generator
        generating, contracting = 3 * cost.generate, 3 * n_inputs * cost.contract
        if not self.weight.requires_grad:
            # a gradient with respect to the sum that the shared weight alone would not need
            generating += n_inputs * n_weights
        return contracting < generating

    def extra_repr(self) -> str:
        """Sizes, for ``print(network)``."""
        return f"in_features={self.in_features}, out_features={self.out_features}"

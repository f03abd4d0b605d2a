"""Layers whose weights differ between the segments of a horizon."""

import torch
from torch import Tensor, nn

from hyperforecast.nn.contexts import SegmentMixture
from hyperforecast.nn.generators import LoRAExperts
from hyperforecast.nn.layers import StaticLayer, stacked_linear
from hyperforecast.nn.segments import Segments


class SegmentLinear(nn.Module):
    """A linear layer with a weight for every segment: (S' or 1, ..., I) -> (S', ..., O).

    What a folded :class:`AdaptedLinear` becomes.

    Parameters
    ----------
    segments : Segments
        S and the number S' of leading segments that a pass computes.
    weight : Tensor, shape (S, O, I)
    bias : Tensor, shape (O,), optional
        The same for all segments.
    """

    def __init__(self, segments: Segments, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.segments = segments
        self.weight = nn.Parameter(weight)
        self.bias = None if bias is None else nn.Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        """Apply each segment's weight."""
        y = stacked_linear(x, self.weight[: self.segments.n_active], None)
        return y if self.bias is None else y + self.bias


class AdaptedLinear(StaticLayer):
    r"""A linear layer and, for every segment, a mixture of LoRA experts beside it.

    .. math:: y_s = \Bigl(W + c \sum_p \alpha_{sp} B_p A_p\Bigr) x_s + b.

    Parameters
    ----------
    base : Linear
        The layer that is adapted; its parameters become this layer's, under the same names.
    segments : Segments
        The segments and what a pass computes of them.
    experts : LoRAExperts
        Mixtures are zero at the start, so every segment starts as the base.
    mixture : SegmentMixture
        The segments' shares of the experts.

    Notes
    -----
    Input (S' or 1, ..., I) and output (S', ..., O) have the S' segments that a pass computes on
    their leading axis; where the shared weights alone are asked for, the axis stays as it is.

    In training the low-rank factors are applied one after the other, beside one product with the
    shared weight for all segments, as long as that is less work than a weight for every segment.
    """

    def __init__(
        self, base: nn.Linear, segments: Segments, experts: LoRAExperts, mixture: SegmentMixture
    ) -> None:
        super().__init__()
        self.weight = base.weight
        self.bias = base.bias
        self.segments = segments
        self.experts = experts
        self.mixture = mixture

    def shares(self) -> Tensor:
        """Return the segments' shares of the experts, shape (S, P)."""
        shares = self.mixture()
        if shares is None:
            shares = self.weight.new_ones(self.mixture.n_segments, self.mixture.n_experts)
        return shares

    def generate(self) -> tuple[Tensor, Tensor | None]:
        """Generate the weight of every segment (S, O, I), and the bias (O,) of all."""
        return self.weight + self.experts(self.shares()), self.bias

    def forward(self, x: Tensor) -> Tensor:
        """Apply each segment's weight."""
        if not self.segments.adapted:
            return nn.functional.linear(x, self.weight, self.bias)
        n_active = self.segments.n_active
        if self.training and self._contracts():
            y = nn.functional.linear(x, self.weight, self.bias)
            return y + self.experts.contract(self.shares()[:n_active], x)
        weight, bias = self.weights()
        y = stacked_linear(x, weight[:n_active], None)
        return y if bias is None else y + bias

    def _contracts(self) -> bool:
        n_experts, n_out, rank = self.experts.up.shape
        n_in = self.weight.shape[1]
        return n_experts * rank * (n_in + n_out) < n_in * n_out

    def fold(self) -> SegmentLinear:
        """Return the :class:`SegmentLinear` that holds the sums."""
        with torch.no_grad():
            weight, bias = self.generate()
            folded = SegmentLinear(
                self.segments, weight.clone(), None if bias is None else bias.clone()
            )
        return folded.train(self.training)

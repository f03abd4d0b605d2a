"""Scale and shift of activations: the site of feature-wise modulation."""

from typing import cast

import torch
from torch import Tensor, nn

from hyperforecast.nn.contexts.base import Axis
from hyperforecast.nn.entities import by_window, check_axes, pick, side_by_side
from hyperforecast.nn.generators import ScaleShift
from hyperforecast.nn.hyper_layers.hyper_layer import HyperLayer
from hyperforecast.nn.hyper_layers.term import Term
from hyperforecast.nn.layers.conditioning import Condition, Conditioned
from hyperforecast.nn.stacked_linear import lifted, spread


class Activations(nn.Identity):
    """A place where a network's hidden activations pass, and can be modulated.

    A backbone that is to be modulated marks its hidden activations by these; they have the
    features on their last axis. Nothing is done to what passes.
    """


class Modulation(HyperLayer[ScaleShift]):
    r"""Activations with generated scales and shifts: (..., D) -> (..., D).

    .. math:: y = \gamma(c) \odot x + \beta(c), \qquad
              \gamma(c) = 1 + \sum_t \gamma_t(c_t), \qquad \beta(c) = \sum_t \beta_t(c_t).

    Parameters
    ----------
    n_axes : int
        See :class:`HyperLayer`.
    """

    def generate(self, shared: bool = False) -> tuple[Tensor, Tensor]:
        """Generate scales and shifts of the static terms, (*axes, D) each."""
        return self._sum(self.static_terms(shared))

    def forward(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        """Scale and shift activations x."""
        leading = x.dim() - self.n_axes
        terms, axes, static = self.of_pass(shared=not leading)
        if not terms:  # all differ between segments, and the pass is the one that all share
            return x
        scale, shift = self.weights(not leading) if static else self._sum(terms, condition)
        assert shift is not None
        return modulate(x, scale, shift, axes, leading, condition)

    def fold(self) -> "FixedModulation":
        """Return the layer of fixed scales and shifts."""
        self.check_static()
        with torch.no_grad():
            scale, shift = self.generate()
        folded = FixedModulation(scale.clone(), shift.clone(), self.axes, self.n_axes)
        return folded.train(self.training)

    def _sum(
        self, terms: list[Term[ScaleShift]], condition: Condition | None = None
    ) -> tuple[Tensor, Tensor]:
        axes = self.axes_of(terms)
        pairs = [
            (term.made(term.generator.generate, term.context(condition)), term.axis)
            for term in terms
        ]
        scale = sum(lifted(scale, (axis,), axes) for (scale, _), axis in pairs)
        shift = sum(lifted(cast("Tensor", shift), (axis,), axes) for (_, shift), axis in pairs)
        return 1 + cast("Tensor", scale), cast("Tensor", shift)


class FixedModulation(Conditioned):
    """Fixed scales and shifts of activations: what a folded :class:`Modulation` becomes.

    Parameters
    ----------
    scale, shift : Tensor, shape (*axes, D)
    axes : sequence of {"segment", "window", "channel"}
    n_axes : int
        Number of axes of the activations where the horizon is not cut into segments.
    """

    def __init__(self, scale: Tensor, shift: Tensor, axes: tuple[Axis, ...], n_axes: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(scale)
        self.shift = nn.Parameter(shift)
        self.axes = axes
        self.n_axes = n_axes

    def forward(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        """Scale and shift activations x."""
        return modulate(x, self.scale, self.shift, self.axes, x.dim() - self.n_axes, condition)


def modulate(
    x: Tensor,
    scale: Tensor,
    shift: Tensor,
    axes: tuple[Axis, ...],
    n_leading: int,
    condition: Condition | None = None,
) -> Tensor:
    """Scale and shift activations (..., D) by values (*axes, D)."""
    if "segment" in axes:
        scale, shift = scale[: len(x)], shift[: len(x)]
    if condition is not None and condition.rows is not None and "channel" in axes:
        check_axes(axes)
        n_channels, rows = condition.rows.shape[1], condition.rows.flatten()
        scale, shift = (pick(values, axes, rows) for values in (scale, shift))
        y = modulate(side_by_side(x, n_channels, n_leading), scale, shift, axes, n_leading)
        return by_window(y, n_channels, n_leading)
    scale, shift = (spread(values, axes, n_leading, x.dim()) for values in (scale, shift))
    return torch.addcmul(shift, x, scale)

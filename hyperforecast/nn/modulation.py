"""Scale and shift of activations: the site of feature-wise modulation."""

from typing import cast

import torch
from torch import Tensor, nn

from hyperforecast.nn.conditioning import Condition, Conditioned
from hyperforecast.nn.contexts.base import AXES, Axis
from hyperforecast.nn.generators import ScaleShift
from hyperforecast.nn.stacked_linear import lifted, spread
from hyperforecast.nn.static_layer import StaticLayer
from hyperforecast.nn.term import Term, check_static


class Activations(nn.Identity):
    """A place where a network's hidden activations pass, and can be modulated.

    A backbone that is to be modulated marks its hidden activations by these; they have the
    features on their last axis. Nothing is done to what passes.
    """


class Modulation(StaticLayer, Conditioned):
    r"""Activations with generated scales and shifts: (..., D) -> (..., D).

    .. math:: y = \gamma(c) \odot x + \beta(c), \qquad
              \gamma(c) = 1 + \sum_t \gamma_t(c_t), \qquad \beta(c) = \sum_t \beta_t(c_t).

    Parameters
    ----------
    n_axes : int
        Number of axes of the activations where the horizon is not cut into segments.

    Attributes
    ----------
    terms : ModuleDict
        By the name of the part that each belongs to; none at first, see :meth:`add`.
    """

    def __init__(self, n_axes: int) -> None:
        super().__init__()
        self.n_axes = n_axes
        self.terms = nn.ModuleDict()

    def add(self, name: str, term: Term[ScaleShift]) -> None:
        """Add a term, under the name of the part that it belongs to."""
        if name in self.terms:
            raise ValueError(f"The layer has a term of {name!r} already.")
        self.terms[name] = term

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes along which scales and shifts differ."""
        return self._axes(self._terms())

    def generate(self, shared: bool = False) -> tuple[Tensor, Tensor]:
        """Generate scales and shifts of the static terms, (*axes, D) each."""
        return self._sum([term for term in self._terms(shared) if term.context.static])

    def forward(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        """Scale and shift activations x."""
        leading = x.dim() - self.n_axes
        terms = self._terms(shared=not leading)
        if not terms:  # all differ between segments, and the pass is the one that all share
            return x
        if all(term.context.static for term in terms):
            scale, shift = self.weights(not leading)
        else:
            scale, shift = self._sum(terms, condition)
        assert shift is not None
        return modulate(x, scale, shift, self._axes(terms), leading)

    def fold(self) -> "FixedModulation":
        """Return the layer of fixed scales and shifts."""
        check_static(self.terms)
        with torch.no_grad():
            scale, shift = self.generate()
        folded = FixedModulation(scale.clone(), shift.clone(), self.axes, self.n_axes)
        return folded.train(self.training)

    def _terms(self, shared: bool = False) -> list[Term[ScaleShift]]:
        terms = [cast(Term[ScaleShift], term) for term in self.terms.values()]
        return [term for term in terms if not (shared and term.axis == "segment")]

    def _axes(self, terms: list[Term[ScaleShift]]) -> tuple[Axis, ...]:
        return tuple(axis for axis in AXES if any(term.axis == axis for term in terms))

    def _sum(
        self, terms: list[Term[ScaleShift]], condition: Condition | None = None
    ) -> tuple[Tensor, Tensor]:
        axes = self._axes(terms)
        pairs = [(term.generator.generate(term.context(condition)), term.axis) for term in terms]
        scale = sum(lifted(scale, (axis,), axes) for (scale, _), axis in pairs)
        shift = sum(lifted(shift, (axis,), axes) for (_, shift), axis in pairs)
        return 1 + cast(Tensor, scale), cast(Tensor, shift)


class FixedModulation(nn.Module):
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

    def forward(self, x: Tensor) -> Tensor:
        """Scale and shift activations x."""
        return modulate(x, self.scale, self.shift, self.axes, x.dim() - self.n_axes)


def modulate(
    x: Tensor, scale: Tensor, shift: Tensor, axes: tuple[Axis, ...], n_leading: int
) -> Tensor:
    """Scale and shift activations (..., D) by values (*axes, D)."""
    if "segment" in axes:
        scale, shift = scale[: len(x)], shift[: len(x)]
    scale, shift = (spread(values, axes, n_leading, x.dim()) for values in (scale, shift))
    return torch.addcmul(shift, x, scale)

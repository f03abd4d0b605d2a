"""Layers that terms are added to."""

from collections.abc import Sequence
from typing import Generic, cast

import torch
from torch import nn

from hyperforecast.nn.contexts.base import AXES, Axis
from hyperforecast.nn.hyper_layers.term import G, Term
from hyperforecast.nn.layers.conditioning import Conditioned
from hyperforecast.nn.layers.static_layer import StaticLayer


class HyperLayer(StaticLayer, Conditioned, Generic[G]):
    """A layer of a base and generated terms.

    Parameters
    ----------
    n_axes : int
        Number of axes of the layer's input where the horizon is not cut into segments. With one
        axis more, the first has the segments that the pass computes; without it the terms that
        differ between segments are left out.

    Attributes
    ----------
    terms : ModuleDict
        By the name of the part that each belongs to; none at first, see :meth:`add`. A second one
        of the same part has the axis along which it differs in its name.
    """

    def __init__(self, n_axes: int) -> None:
        super().__init__()
        self.n_axes = n_axes
        self.terms = nn.ModuleDict()
        self._passes: dict[bool, tuple[list[Term[G]], tuple[Axis, ...], bool]] = {}

    def add(self, name: str, term: Term[G]) -> None:
        """Add a term, under the name of the part that it belongs to; see :func:`named_along`."""
        if name in self.terms:
            raise ValueError(f"The layer has a term of {name!r} already.")
        self.terms[name] = term
        self._passes, self._modules_held = {}, []

    @property
    def base_axes(self) -> tuple[Axis, ...]:
        """The axes along which the base differs."""
        return ()

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes along which the layer differs."""
        return self.of_pass(shared=False)[1]

    def axes_of(self, terms: Sequence[Term[G]]) -> tuple[Axis, ...]:
        """Return the axes along which the base and some terms differ."""
        differing = {*self.base_axes, *(term.axis for term in terms)}
        return tuple(axis for axis in AXES if axis in differing)

    def of_pass(self, shared: bool) -> tuple[list[Term[G]], tuple[Axis, ...], bool]:
        """Return what a pass consists of.

        Parameters
        ----------
        shared : bool
            Whether terms that differ between segments are left out, and adapters beside them.

        Returns
        -------
        terms : list of Term
        axes : tuple of {"segment", "window", "channel"}
            Along which their sum with the base differs.
        static : bool
            Whether none depends on the window.
        """
        found = self._passes.get(shared)
        if found is None:
            terms = [cast("Term[G]", term) for term in self.terms.values()]
            if shared and any(term.axis == "segment" for term in terms):
                terms = [term for term in terms if not (term.adapter or term.axis == "segment")]
            found = (terms, self.axes_of(terms), all(term.context.static for term in terms))
            if not torch.compiler.is_compiling():  # a traced pass may not change its modules
                self._passes = {**self._passes, shared: found}
        return found

    def static_terms(self, shared: bool) -> list[Term[G]]:
        """Return the terms of a pass that do not depend on the window."""
        return [term for term in self.of_pass(shared)[0] if term.context.static]

    @property
    def dynamic_terms(self) -> list[str]:
        """Names of the terms that depend on the window."""
        return [name for name, term in self.terms.items() if not cast("Term", term).context.static]

    def check_static(self) -> None:
        """Raise if there are no fixed values to fold into, because a term depends on the window."""
        if self.dynamic_terms:
            raise self.not_static()

    def not_static(self) -> ValueError:
        """Return the error that names the terms that depend on the window."""
        return ValueError(
            f"What {', '.join(map(repr, self.dynamic_terms))} generates depends on the window that "
            "is forecast from, so there are no fixed weights to fold into."
        )

    def __getstate__(self) -> dict:
        return {**super().__getstate__(), "_passes": {}}

"""What can be asked of any network of layers with generated terms."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Self

import torch
from torch import Tensor, nn

from hyperforecast.nn.contexts import Context
from hyperforecast.nn.contexts.attributes import with_attributes
from hyperforecast.nn.fold import fold
from hyperforecast.nn.hyper_layers.term import Term, part_of
from hyperforecast.nn.layers.instance_norm import OutputRole
from hyperforecast.nn.parts import Part
from hyperforecast.nn.series.gap_filler import GapFiller
from hyperforecast.nn.sites import kind_of, layers_of


class HyperNetwork(nn.Module):
    """A network from windows to forecasts, layers of which have generated terms.

    Attributes
    ----------
    lookback, horizon, n_channels : int
        Window length L, number of forecast steps H and number of channels C.
    weights_by : {"channel", "series", "both"}
    n_series : int
        Number of series that are told apart where it is not ``"channel"``.
    periods : tuple of int, optional
        Lengths of cycles whose phases are given; ``None`` where none are.
    output_roles : tuple of str
        What each of the P outputs of a step is to the series.
    point_head : bool
        Whether outputs are offsets of a point forecast.
    parts : mapping of str to Part
    gap_filler : GapFiller
        What fills gaps in windows.
    """

    lookback: int
    horizon: int
    n_channels: int
    weights_by: str
    n_series: int
    periods: tuple[int, ...] | None
    output_roles: tuple[OutputRole, ...]
    point_head: bool
    parts: Mapping[str, Part]
    gap_filler: GapFiller

    def named_terms(self) -> Iterator[tuple[str, Term]]:
        """Yield the generated terms of all layers, by name."""
        for name, module in self.named_modules():
            if isinstance(module, Term):
                yield name, module

    def sites(self) -> dict[str, str]:
        """Return the names of the places where parts can stand, and what kind each is of.

        A linear layer, a convolution or a place where hidden activations pass: what options that
        name layers can name. Whether a part suits a place depends on what is given to it.
        """
        return {name: kind_of(layer) for name, layer in layers_of(self)}

    def terms(self, part: str) -> list[Term]:
        """Return the terms that a part has put into the network; none if it is not there."""
        return [term for name, term in self.named_terms() if part_of(name) == part]

    def contexts(self, part: str) -> list[Context]:
        """Return the contexts of a part's terms, each once."""
        return list({id(term.context): term.context for term in self.terms(part)}.values())

    def channel_embedding(self) -> Tensor | None:
        """Return the learned channel vectors (C, E), the head's first; ``None`` without any."""
        return self._vectors("embedding")

    def channel_gates(self) -> Tensor | None:
        """Return each channel's gates (C, K), or ``None`` if there are none."""
        return self._vectors("gates")

    @torch.no_grad()
    def _vectors(self, kind: str) -> Tensor | None:
        contexts = [(name, term.context) for name, term in self.named_terms()]
        found = [(name, context) for name, context in contexts if context.kind == kind]
        if not found:
            return None
        _, context = min(found, key=lambda item: not item[0].startswith("head."))
        return context().detach()

    @property
    def folds(self) -> bool:
        """Whether all weights are the same in every pass, so that :meth:`fold` is possible."""
        return all(term.context.static for _, term in self.named_terms())

    def generating(self) -> dict[str, nn.Parameter]:
        """Return by name the parameters of all contexts and generators; empty without terms."""
        return _parameters_of(self.named_terms())

    def attributes(self) -> Tensor | None:
        """Return the attributes (N, S) of what has weights of its own; ``None`` without any."""
        of_contexts = (one.from_attributes for _, one in with_attributes(self))
        return next((one.values for one in of_contexts if one is not None), None)

    def adapters(self) -> dict[str, nn.Parameter]:
        """Return by name the parameters of adapters, which are trained on a base held still.

        Empty where all weights are trained at once.
        """
        return _parameters_of((name, term) for name, term in self.named_terms() if term.adapter)

    def trained_with_adapters(self) -> set[str]:
        """Return the names of the parameters that are trained on a base held still.

        The adapters, and what of the base a part says is trained beside them.
        """
        beside = {
            name
            for name, _ in self.named_parameters()
            for part in self.parts.values()
            if part.trains_beside_adapters(name)
        }
        return beside | set(self.adapters())

    def penalty(self) -> Tensor | None:
        """Return what contexts add to the training loss, or ``None`` if nothing."""
        penalties = [
            penalty
            for module in self.modules()
            if isinstance(module, Context) and (penalty := module.penalty()) is not None
        ]
        return torch.stack(penalties).sum() if penalties else None

    def prepare_export(self) -> None:
        """Let a graph that is exported fill gaps, where the training series had any."""
        for module in self.modules():
            if isinstance(module, GapFiller):
                module.prepare_export()

    def fold(self) -> Self:
        """Return a network of plain layers that forecasts the same; this one is not changed.

        Raises
        ------
        ValueError
            If weights depend on the window.
        """
        return fold(self)


def _parameters_of(terms: Iterable[tuple[str, Term]]) -> dict[str, nn.Parameter]:
    """Return the parameters of terms by name."""
    return {name: one for prefix, term in terms for name, one in term.named_parameters(prefix)}

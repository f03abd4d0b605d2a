"""What a network is made of: sites, contexts, generators, and their numbers of parameters."""

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from hyperforecast.nn.hyper_layers.hyper_layer import HyperLayer
from hyperforecast.nn.hyper_layers.term import Term, part_of
from hyperforecast.nn.hyper_network import HyperNetwork
from hyperforecast.nn.layers.conditioning import Condition
from hyperforecast.nn.network import count_parameters


class TermSummary(NamedTuple):
    """A generated term of a layer, or all of a network.

    Attributes
    ----------
    site : str
        Name of the layer; ``"network"`` for all of it.
    part : str
        Part that the term belongs to; empty for all of a network.
    context, along, generator : str
        Classes of context and generator, and the axis along which the weights differ.
    context_parameters, generator_parameters : int
        Of a context that several terms share, all of them say the number; the network's counts
        each parameter once.
    generated_weights : int
        Numbers generated: for all channels or segments, or for one window.
    plain_parameters : int
        Of the layer without its terms, and of the network without any.
    folded_parameters : int, optional
        Of the plain layer or network that is left after folding; ``None`` where weights depend on
        the window, so that nothing folds.
    """

    site: str
    part: str
    context: str
    along: str
    generator: str
    context_parameters: int
    generator_parameters: int
    generated_weights: int
    plain_parameters: int
    folded_parameters: int | None


def summarise(network: HyperNetwork) -> list[TermSummary]:
    """Return a row for every generated term, and a last one for the network."""
    like = next(network.parameters())
    window = like.new_zeros(1, network.n_channels, network.lookback)
    rows = []
    with torch.no_grad():
        for site, layer in network.named_modules():
            if isinstance(layer, HyperLayer):
                rows += _terms_of(site, layer, Condition(window))
    terms = [term for name in network.parts for term in network.terms(name)]
    contexts = nn.ModuleList(term.context for term in terms)
    generators = nn.ModuleList(term.generator for term in terms)
    of_contexts, of_generators = count_parameters(contexts), count_parameters(generators)
    whole = TermSummary(
        site="network",
        part="",
        context="",
        along="",
        generator="",
        context_parameters=of_contexts,
        generator_parameters=of_generators,
        generated_weights=sum(row.generated_weights for row in rows),
        plain_parameters=count_parameters(network) - of_contexts - of_generators,
        folded_parameters=count_parameters(network.fold()) if network.folds else None,
    )
    return [*rows, whole]


def _terms_of(site: str, layer: HyperLayer, condition: Condition) -> list[TermSummary]:
    plain = sum(parameter.numel() for parameter in layer.parameters(recurse=False))
    terms = {name: cast("Term", term) for name, term in layer.terms.items()}
    static = all(term.context.static for term in terms.values())
    folded = count_parameters(layer.fold()) if static else None
    return [
        TermSummary(
            site=site,
            part=part_of(name),
            context=type(term.context).__name__,
            along=term.axis,
            generator=type(term.generator).__name__,
            context_parameters=count_parameters(term.context),
            generator_parameters=count_parameters(term.generator),
            generated_weights=_n_generated(term, condition),
            plain_parameters=plain,
            folded_parameters=folded,
        )
        for name, term in terms.items()
    ]


def _n_generated(term: Term, condition: Condition) -> int:
    vectors = term.context(condition)
    one: tuple[Tensor, Tensor | None] = term.generator.generate(vectors[:1])
    return len(vectors) * sum(values.numel() for values in one if values is not None)

"""HN-MVTS: a head generated for every channel."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from hyperforecast.nn.contexts import ChannelEmbedding, default_embedding_dim
from hyperforecast.nn.generators import DenseGenerator, Generator, OuterProduct
from hyperforecast.nn.hyper_layers.hyper_linear import HyperLinear
from hyperforecast.nn.hyper_layers.term import Term
from hyperforecast.nn.options import option, option_group
from hyperforecast.nn.parts.base import Part
from hyperforecast.nn.parts.closed_form import ClosedForm
from hyperforecast.nn.parts.ranks import site_ranks
from hyperforecast.nn.sites import NetworkSites


@option_group
class HNMVTSOptions:
    """Options of HN-MVTS."""

    channel_embedding_dim: int | None = option(
        default=None,
        least=0,
        doc="""Length E of a channel's vector, between 0 (one head for all) and the number of
        channels (one head each): the regularisation between the two. A third of the number of
        channels, at least 1 and at most 8, if not given.""",
    )
    hyper_hidden: Sequence[int] = option(
        default=(),
        least=1,
        doc="Widths of the hypernetwork's hidden layers; a single linear map if empty.",
    )
    rank: int | None = option(
        default=None,
        least=1,
        doc="""Rank r of what is generated: two factors of r columns instead of a full weight, which
        takes r (D + H) numbers for each length of the vector and not D·H. Full if not given.""",
    )


class HNMVTS(HNMVTSOptions, Part):
    r"""The last layer is generated from a learned embedding of the channel.

    .. math:: W_n = W_0 + \sum_k g_k(z_n) \Phi_k, \qquad\text{or}\qquad
              W_n = W_0 + U(z_n)\, V(z_n)^T \quad\text{of rank } r.

    It starts at the plain head of the same seed, plus what the embedding adds.

    Parameters
    ----------
    {parameters}

    References
    ----------
    Savchenko & Kachan, "HN-MVTS: HyperNetwork-based Multivariate Time Series Forecasting",
    AAAI 2026, arXiv 2511.08340. The covariates' maps to the forecast are generated from the
    same embedding; the paper has no covariates, and no low rank.
    """

    slot = "head"

    def check(self) -> None:
        """Raise if an option has no effect."""
        if self.rank is not None and self.channel_embedding_dim == 0:
            raise ValueError(
                "rank has no effect with channel_embedding_dim=0: there is no embedding to "
                "generate from. Leave one of the two out."
            )
        if self.hyper_hidden and self.channel_embedding_dim == 0:
            raise ValueError(
                "hyper_hidden has no effect with channel_embedding_dim=0: there is no embedding "
                "to generate from. Leave one of the two out."
            )

    def following(self, n_channels: int) -> dict[str, Any]:
        """Return the length of the channels' vectors, if it is not given."""
        if self.channel_embedding_dim is not None:
            return {}
        return {"channel_embedding_dim": default_embedding_dim(n_channels)}

    def takes_attributes(self) -> bool:
        """Say whether there is a vector that attributes can say."""
        return self.channel_embedding_dim != 0

    def put_into(self, sites: NetworkSites, name: str) -> None:
        """Add to every last layer what the channel's embedding generates."""
        dim = self.channel_embedding_dim
        if dim is None:
            dim = default_embedding_dim(sites.n_channels)
        context = ChannelEmbedding(sites.n_channels, dim, sites.n_attributes)
        generators = self._low_rank(sites, dim) if self.rank else self._dense(sites, dim)
        for site, generator in zip(sites.outputs, generators, strict=True):
            sites.add(site, name, Term(context, generator))

    def _dense(self, sites: NetworkSites, dim: int) -> list[Generator]:
        return [
            DenseGenerator(
                dim,
                site.n_features,
                site.n_outputs,
                hidden=self.hyper_hidden,
                initialise=sites.initialiser(site),
                bias=sites.layer(site).bias is not None,
            )
            for site in sites.outputs
        ]

    def _low_rank(self, sites: NetworkSites, dim: int) -> list[Generator]:
        assert self.rank is not None
        ranks = site_ranks(self.rank, sites.outputs, capped=False)
        return [
            OuterProduct(
                dim,
                site.n_features,
                site.n_outputs,
                rank,
                hidden=self.hyper_hidden,
                bias=sites.layer(site).bias is not None,
            )
            for site, rank in zip(sites.outputs, ranks, strict=True)
        ]

    def obstacle(self) -> str | None:
        """Say that hidden layers and low rank rule the closed form out."""
        if self.hyper_hidden:
            return "a hypernetwork with hyper_hidden layers is not linear in its weights"
        if self.rank is not None:
            return f"heads of rank={self.rank} are products of two weights, not linear in them"
        return None

    def closed_form(self, name: str) -> ClosedForm:
        """Return how generated heads are solved for."""
        return GeneratedWeights(name, self.channel_embedding_dim)


class GeneratedWeights(ClosedForm):
    """Layers generated from a vector of the channel by a linear map."""

    channel_weights = "generated"

    def __init__(self, name: str, embedding_dim: int | None) -> None:
        super().__init__(embedding_dim)
        self.name = name

    def chosen(self, embedding_dim: int) -> dict[str, Any]:
        """Return the length of the vectors."""
        return {"channel_embedding_dim": embedding_dim}

    def read(self, layer: nn.Module) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return vectors, shared weight and bases."""
        assert isinstance(layer, HyperLinear)
        context, generator = self._context_and_generator(layer)
        bias = None
        if layer.bias is not None and generator.bias_bases is not None:
            bias = torch.cat([layer.bias[None], generator.bias_bases])
        return context.vectors(), torch.cat([layer.weight[None], generator.weight_bases]), bias

    def write(
        self, layer: nn.Module, embedding: Tensor, weight: Tensor, bias: Tensor | None
    ) -> None:
        """Write vectors, shared weight and bases."""
        assert isinstance(layer, HyperLinear)
        context, generator = self._context_and_generator(layer)
        context.set_free(embedding)
        for shared, bases, values in (
            (layer.weight, generator.weight_bases, weight),
            (layer.bias, generator.bias_bases, bias),
        ):
            if shared is not None and bases is not None and values is not None:
                shared.copy_(values[0])
                bases.copy_(values[1:])

    def _context_and_generator(self, layer: HyperLinear) -> tuple[ChannelEmbedding, DenseGenerator]:
        term = layer.terms[self.name]
        assert isinstance(term, Term)
        assert isinstance(term.context, ChannelEmbedding)
        assert isinstance(term.generator, DenseGenerator)
        return term.context, term.generator

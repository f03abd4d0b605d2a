"""LightSAE: an embedding for every channel, of which a part is shared."""

from typing import Any, Literal

from hyperforecast.nn.contexts import ChannelGate, ChannelIndex, Context
from hyperforecast.nn.generators import FreeWeights, Generator, LowRankPool
from hyperforecast.nn.hyper_layers.term import Term
from hyperforecast.nn.options import option, option_group
from hyperforecast.nn.parts.base import Part
from hyperforecast.nn.sites import NetworkSites, listed

Variant = Literal["shared", "full", "light"]
GateStart = Literal["random", "uniform", "correlation"]

RANK = 25
N_COMPONENTS = 10
GATE_INIT = "random"


@option_group
class LightSAEOptions:
    """Options of LightSAE."""

    variant: Variant = option(
        default="light",
        doc="""Auxiliary part of the embedding: none; a free matrix for each channel (SAE-full);
        mixtures of a pool of low-rank matrices.""",
    )
    rank: int | None = option(
        default=None,
        least=1,
        doc="""Rank r of the pool's matrices, at most what can make a difference: ``n_components``
        times the inputs (the lookback or the patch length), or the embedding's width. 25, or that
        bound where it is less, if not given. Of ``"light"`` only.""",
    )
    n_components: int | None = option(
        default=None,
        least=1,
        doc='Number K of matrices in the pool; 10 if not given. Of ``"light"`` only.',
    )
    gate_init: GateStart | None = option(
        default=None,
        doc="""Start of the gates: random; equal for all channels and components; or from the
        principal components of the training channels' correlation, so that channels that move
        together start alike. ``"random"`` if not given. Of ``"light"`` with more than one component
        only.""",
    )
    load_balancing: float = option(
        default=0.0,
        least=0,
        doc="""Weight of a penalty on the training loss where the channels use the components
        unequally: K times the sum of squared mean gates, less one. Of ``"light"`` with more than
        one component only.""",
    )
    embedding_dim: int | None = option(
        default=None,
        least=1,
        doc="""Width of a linear embedding put before a backbone that has none (``"dlinear"``,
        ``"nlinear"``, ``"tsmixer"``), which then sees that many steps; required there, and refused
        elsewhere.""",
    )


class LightSAE(LightSAEOptions, Part):
    r"""The embedding is a shared weight and an auxiliary one of each channel's own.

    .. math:: e_n = x_n \Bigl(W_{sh} + \sum_k g_{nk} L_k R\Bigr) + b_{sh} + \sum_k g_{nk} \beta_k,
              \qquad g_n = \mathrm{softmax}(\gamma_n).

    The auxiliary part starts at zero, so training starts at the shared embedding; networks of the
    same random seed start as the same function whatever the variant.

    Parameters
    ----------
    {parameters}

    References
    ----------
    Ren & Yu, "LightSAE: Parameter-Efficient and Heterogeneity-Aware Embedding for IoT
    Multivariate Time Series Forecasting", 2025, arXiv 2510.10465. Its formula has no biases; here,
    as in the authors' code, they are mixed as the matrices are.
    """

    slot = "embedding"

    def check(self) -> None:
        """Raise if an option has no effect for the variant."""
        of_the_pool = {"rank": self.rank, "n_components": self.n_components}
        of_the_gates = {"gate_init": self.gate_init, "load_balancing": self.load_balancing or None}
        idle: dict[str, Any] = {}
        why = ""
        if self.variant != "light":
            idle = of_the_pool | of_the_gates
            why = f"with variant={self.variant!r}, which has no pool"
        elif self.n_components == 1:
            idle, why = of_the_gates, "with n_components=1, where every gate is 1"
        given = [name for name, value in idle.items() if value is not None]
        if given:
            raise ValueError(
                f"{' and '.join(given)} would have no effect {why}. Leave "
                f"{'it' if len(given) == 1 else 'them'} out, or choose variant='light' with a pool "
                "of several components."
            )

    def takes_attributes(self) -> bool:
        """Say whether there are gates that attributes can say."""
        return self.variant == "light"

    @property
    def embeds_into(self) -> int | None:
        """Width of a linear embedding that the network puts before the backbone, if any."""
        return self.embedding_dim

    def put_into(self, sites: NetworkSites, name: str) -> None:
        """Add the auxiliary weight to the embedding, of which there has to be exactly one."""
        layers = sites.of_kind("linear")
        found = [site for site in layers if site.name in ("embedding", "backbone.embedding")]
        if not found:
            raise ValueError(
                f"The backbone {sites.backbone!r} has no embedding for LightSAE to take the place "
                f"of. Give embedding_dim, the width of a linear embedding that is put before it, "
                f"or choose a backbone that embeds, for example 'rmlp' or 'patchtst'. It has no "
                f"layer named 'embedding'; there are: {listed(layers)}."
            )
        if len(found) > 1:
            raise ValueError(
                f"embedding_dim={self.embedding_dim} is the width of an embedding before a "
                f"backbone without one; the backbone {sites.backbone!r} has its own. Leave "
                "embedding_dim out, and give its width in backbone_kwargs, for example "
                "{'d_model': 128}."
            )
        [site] = found
        if self.variant == "shared":
            return
        sizes = (site.n_features, site.n_outputs)
        context: Context
        generator: Generator
        if self.variant == "full":
            context = ChannelIndex(sites.n_channels)
            generator = FreeWeights(sites.n_channels, *sizes)
        else:
            n_components = self.n_components or N_COMPONENTS
            context = ChannelGate(
                sites.n_channels,
                n_components,
                initialise=self.gate_init or GATE_INIT,
                load_balancing=self.load_balancing,
                n_attributes=sites.n_attributes,
            )
            generator = LowRankPool(n_components, *sizes, self._rank(n_components, *sizes))
        sites.add(site, name, Term(context, generator))

    def _rank(self, n_components: int, in_features: int, out_features: int) -> int:
        # the right factor is shared: its rows are as many as all left factors can use
        highest = min(n_components * in_features, out_features)
        if self.rank is None:
            return min(RANK, highest)
        if self.rank > highest:
            raise ValueError(
                f"rank={self.rank} is more than can make a difference: {n_components} "
                f"components of {in_features} inputs and {out_features} outputs have rank "
                f"{highest} together. Choose rank <= {highest}."
            )
        return self.rank

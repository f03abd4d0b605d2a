"""A head of its own for every window."""

from collections.abc import Sequence

from hyperforecast.nn.contexts import WindowSummary
from hyperforecast.nn.generators import OuterProduct
from hyperforecast.nn.hyper_layers.term import Term
from hyperforecast.nn.options import option, option_group
from hyperforecast.nn.parts.base import Part
from hyperforecast.nn.parts.ranks import site_ranks
from hyperforecast.nn.sites import NetworkSites, Site

RANK = 4


@option_group
class WindowTermOptions:
    """Options of weights that a window generates."""

    rank: int | None = option(
        default=None,
        least=1,
        doc=f"""Rank r of what a window adds to a weight, at most the smaller of the layer's inputs
        and outputs. {RANK}, or that bound where it is less, if not given.""",
    )
    summary_dim: int = option(
        default=8, least=1, doc="Length E of the vector that a window is summarised by."
    )


class Dynamic(WindowTermOptions, Part):
    r"""The last layer has weights of its own for every window.

    .. math:: W(x) = W_0 + U(c)\, V(c)^T, \qquad c = \mathrm{summary}(x).

    It starts as the plain head. All layers that give the forecast, those of covariates too, take
    what the one summary of a window generates. Such weights exist for one pass only, so there is
    nothing to fold.

    Parameters
    ----------
    {parameters}

    References
    ----------
    Ha, Dai & Le, "HyperNetworks", 2016, arXiv 1609.09106, generate weights that change with the
    input, by scaling the rows of a recurrent weight. Here what is generated is of low rank, and
    stands at the head.
    """

    slot = "head"

    def put_into(self, sites: NetworkSites, name: str) -> None:
        """Add to every last layer what the window generates."""
        add_window_terms(self, sites, sites.outputs, name)

    def obstacle(self) -> str | None:
        """Say that weights that depend on the window rule the closed form out."""
        return "weights that a window generates are not linear in what generates them"


def add_window_terms(
    options: WindowTermOptions, sites: NetworkSites, chosen: Sequence[Site], name: str
) -> None:
    """Add to some linear layers what the one summary of a window generates for each."""
    context = WindowSummary(sites.lookback, options.summary_dim)
    ranks = site_ranks(options.rank or RANK, chosen, capped=options.rank is None)
    for site, rank in zip(chosen, ranks, strict=True):
        generator = OuterProduct(
            options.summary_dim,
            site.n_features,
            site.n_outputs,
            rank,
            bias=sites.layer(site).bias is not None,
        )
        sites.add(site, name, Term(context, generator))

"""HyperTransformer: attention whose projections depend on the window."""

from collections.abc import Sequence

from hyperforecast.nn.options import option, option_group
from hyperforecast.nn.parts.base import Part
from hyperforecast.nn.parts.dynamic import (
    WindowTermOptions,
    add_window_terms,
)
from hyperforecast.nn.sites import NetworkSites, check_names, listed, matching

PROJECTIONS = ("*.query", "*.key", "*.value", "*.output")


@option_group
class HyperAttentionOptions(WindowTermOptions):
    """Options of the HyperTransformer."""

    projections: Sequence[str] | None = option(
        default=None,
        doc="""Names of the attention's projections that a window adds to, with ``*`` for any part
        of a name, for example ``["*.query"]``; all of queries, keys, values and outputs if not
        given.""",
    )


class HyperAttention(HyperAttentionOptions, Part):
    r"""The projections of attention have weights of their own for every window.

    .. math:: W_p(x) = W_p + U_p(c)\, V_p(c)^T, \qquad c = \mathrm{summary}(x), \qquad
              p \in \{Q, K, V, O\}.

    It starts as the plain transformer. One summary of the window serves all layers.

    Parameters
    ----------
    {parameters}

    References
    ----------
    Ha, Dai & Le, "HyperNetworks", 2016, arXiv 1609.09106, for weights that change with the input;
    Vaswani et al., "Attention Is All You Need", NeurIPS 2017, arXiv 1706.03762, for what is
    generated.
    """

    slot = "attention"

    def check(self) -> None:
        """Raise if an option is wrong."""
        check_names(self.projections, "projections")

    def put_into(self, sites: NetworkSites, name: str) -> None:
        """Add to the projections of every attention layer what the window generates."""
        layers = sites.of_kind("linear")
        found = [one for one in layers if one.name.endswith(tuple(p[1:] for p in PROJECTIONS))]
        if not found:
            raise ValueError(
                f"The backbone {sites.backbone!r} has no attention whose projections {name!r} "
                f"could add to. Choose 'patchtst' or 'itransformer'. It has: {listed(layers)}."
            )
        if self.projections is not None:
            found = matching(found, self.projections, "projections")
        add_window_terms(self, sites, found, name)

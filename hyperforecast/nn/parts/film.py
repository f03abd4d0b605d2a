"""FiLM: hidden activations scaled and shifted for every channel."""

from collections.abc import Sequence
from typing import Any

from hyperforecast.nn.contexts import ChannelEmbedding, default_embedding_dim
from hyperforecast.nn.generators import ScaleShift
from hyperforecast.nn.hyper_layers.term import Term
from hyperforecast.nn.options import option, option_group
from hyperforecast.nn.parts.base import Part
from hyperforecast.nn.sites import NetworkSites, check_names, listed, matching


@option_group
class FiLMOptions:
    """Options of FiLM."""

    channel_embedding_dim: int | None = option(
        default=None,
        least=0,
        doc="""Length E of a channel's vector, at most the number of channels; with 0 all channels
        share scales and shifts. A third of the number of channels, at least 1 and at most 8, if not
        given.""",
    )
    modulated: Sequence[str] | None = option(
        default=None,
        doc="""Names of the places at which activations are modulated, with ``*`` for any part of a
        name, for example ``["features"]``; all that have channels if not given.""",
    )


class FiLM(FiLMOptions, Part):
    r"""Hidden activations are scaled and shifted as a learned vector of the channel says.

    .. math:: h_n \leftarrow \gamma(z_n) \odot h_n + \beta(z_n).

    Both maps are linear in the vector, and start as the identity: scales at one, shifts at zero.

    Parameters
    ----------
    {parameters}

    References
    ----------
    Perez et al., "FiLM: Visual Reasoning with a General Conditioning Layer", AAAI 2018,
    arXiv 1709.07871. There the context is a question about an image; here it is the channel, as in
    HN-MVTS, whose vectors start from the correlation of the training series.
    """

    slot = "modulation"

    def check(self) -> None:
        """Raise if an option is wrong."""
        check_names(self.modulated, "modulated")

    def following(self, n_channels: int) -> dict[str, Any]:
        """Return the length of the channels' vectors, if it is not given."""
        if self.channel_embedding_dim is not None:
            return {}
        return {"channel_embedding_dim": default_embedding_dim(n_channels)}

    def takes_attributes(self) -> bool:
        """Say whether there is a vector that attributes can say."""
        return self.channel_embedding_dim != 0

    def put_into(self, sites: NetworkSites, name: str) -> None:
        """Modulate activations wherever they pass."""
        places = sites.of_kind("activations")
        if not places:
            raise ValueError(
                f"The backbone {sites.backbone!r} has no hidden activations that {name!r} could "
                "scale and shift: its features are the window itself. Choose a backbone with "
                "weights of its own, for example 'rlinear'."
            )
        if self.modulated is not None:
            chosen = matching(places, self.modulated, "modulated")
        elif not (chosen := [site for site in places if site.has_channels]):
            raise ValueError(
                f"None of the activations of the backbone {sites.backbone!r} have the channels on "
                f"their second axis: {listed(places)}."
            )
        dim = self.channel_embedding_dim
        if dim is None:
            dim = default_embedding_dim(sites.n_channels)
        context = ChannelEmbedding(sites.n_channels, dim, sites.n_attributes)
        for site in chosen:
            sites.add(site, name, Term(context, ScaleShift(dim, site.n_features)))

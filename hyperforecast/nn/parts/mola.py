"""MoLA: a base for the first steps, and mixtures of LoRA experts over the horizon."""

from collections.abc import Sequence
from typing import Literal

from hyperforecast.nn.contexts import ChannelEmbedding, SegmentMixture
from hyperforecast.nn.generators import LoRAExperts
from hyperforecast.nn.hyper_layers.term import Term, named_along
from hyperforecast.nn.options import option, option_group
from hyperforecast.nn.parts.base import Part
from hyperforecast.nn.segments import Segments
from hyperforecast.nn.sites import NetworkSites, Site, check_names, listed, matching


@option_group
class MoLAOptions:
    """Options of MoLA."""

    n_segments: int | None = option(
        default=None,
        least=1,
        doc="""Number of segments S of equal length that the horizon is cut into; 2 if not given, or
        1 where it has one step.""",
    )
    segment_length: int | None = option(
        default=None,
        least=1,
        doc="Steps of a segment, instead of ``n_segments``; 1 is the paper's one-step base.",
    )
    n_experts: int = option(default=4, least=1, doc="Number P of experts of each layer.")
    rank: int = option(
        default=4, least=1, doc="Rank r of each expert, at most the smaller side of its layer."
    )
    scaling: float = option(
        default=1.0, above=0, doc='Factor c of the experts; "alpha / r" of the literature on LoRA.'
    )
    mixing: Literal["softmax", "free"] = option(
        default="softmax",
        doc="Whether the shares of a segment are positive and sum to one, or are free numbers.",
    )
    adapted_layers: Sequence[str] | None = option(
        default=None,
        doc="""Names of the layers that have experts, with ``*`` for any part of a name, for example
        ``["head", "backbone.layers.*"]``; all linear layers if not given.""",
    )
    channel_experts: int = option(
        default=0,
        least=0,
        doc="""Number of further experts of each layer, which each channel mixes by a vector of its
        own, at most the number of channels; with ``weights_by="series"`` each series, by what its
        attributes say and a free part. Layers that have no channels have none.""",
    )
    train_head: bool = option(
        default=False,
        doc="Whether the shared weights of the head are trained beside the experts.",
        of="training",
    )


class MoLA(MoLAOptions, Part):
    r"""Every segment of the horizon has its own weights, of which most are shared.

    .. math:: W_{sn} = W + c \sum_p \alpha_{sp} B_p A_p + c \sum_q z_{nq} B'_q A'_q.

    The shared weights W are those of a network that forecasts the first segment. The experts start
    at zero, so every segment starts as that network. The last sum is there with
    ``channel_experts``; z_n is the vector of a channel or a series, the same in all layers.

    Parameters
    ----------
    {parameters}

    References
    ----------
    Pan et al., "Mixture of Low Rank Adaptation with Partial Parameter Sharing for Time Series
    Forecasting", 2025, arXiv 2505.17872. The base may forecast more than one step, as the
    segments of the paper do. The paper has no covariates; here their maps have experts too. Nor
    has it experts that channels mix.
    """

    slot = "adapters"

    def check(self) -> None:
        """Raise if an option is wrong."""
        check_names(self.adapted_layers, "adapted_layers")

    def cut(self, horizon: int) -> Segments:
        """Cut the horizon into segments."""
        return Segments(horizon, self.n_segments, self.segment_length)

    def put_into(self, sites: NetworkSites, name: str) -> None:
        """Add experts to the layers that ``adapted_layers`` names."""
        assert sites.segments is not None
        patterns = ["*"] if self.adapted_layers is None else self.adapted_layers
        chosen = matching(sites.of_kind("linear"), patterns, "adapted_layers")
        for site in chosen:
            mixture = SegmentMixture(sites.segments.count, self.n_experts, mixing=self.mixing)
            experts = self._experts(site, self.n_experts)
            sites.add(site, name, Term(mixture, experts, adapter=True))
        if self.channel_experts:
            self._put_channels_into(sites, name, chosen)

    def _put_channels_into(self, sites: NetworkSites, name: str, chosen: Sequence[Site]) -> None:
        """Add experts that channels mix, wherever there are channels."""
        count = self.channel_experts
        if count > sites.n_channels:
            raise ValueError(
                f"channel_experts={count} are mixed by vectors of {sites.n_channels} channels or "
                f"series. Choose channel_experts <= {sites.n_channels}."
            )
        with_channels = [site for site in chosen if site.has_channels]
        if not with_channels:
            raise ValueError(
                f"channel_experts={count} would have no effect: none of the adapted layers, "
                f"{listed(chosen)}, has the channels on the second axis of its input."
            )
        vectors = ChannelEmbedding(sites.n_channels, count, sites.n_attributes)
        for site in with_channels:
            term = Term(vectors, self._experts(site, count), adapter=True)
            sites.add(site, named_along(name, "channel"), term)

    def _experts(self, site: Site, count: int) -> LoRAExperts:
        n_in, n_out = site.n_features, site.n_outputs
        rank = min(self.rank, n_in, n_out)  # more makes no difference
        return LoRAExperts(count, n_in, n_out, rank, scaling=self.scaling)

    def takes_attributes(self) -> bool:
        """Say whether there are vectors that attributes can say."""
        return bool(self.channel_experts)

    def trains_beside_adapters(self, name: str) -> bool:
        """Say whether a parameter is the head's own and ``train_head`` is on."""
        return self.train_head and name in ("head.weight", "head.bias")

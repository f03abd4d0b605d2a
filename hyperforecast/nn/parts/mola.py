"""MoLA: a base for the first steps, and mixtures of LoRA experts over the horizon."""

from collections.abc import Sequence
from typing import Literal

from hyperforecast.nn.contexts import SegmentMixture
from hyperforecast.nn.generators import LoRAExperts
from hyperforecast.nn.options import option, option_group
from hyperforecast.nn.parts.base import Part
from hyperforecast.nn.segments import Segments
from hyperforecast.nn.sites import NetworkSites, check_names, matching
from hyperforecast.nn.term import Term


@option_group
class MoLAOptions:
    """Options of MoLA."""

    n_segments: int | None = option(
        default=None,
        least=1,
        doc="""Number of segments S of equal length that the horizon is cut into; 8, or fewer where
        the horizon does not cut into as many, if not given.""",
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
    train_head: bool = option(
        default=False,
        doc="Whether the shared weights of the head are trained beside the experts.",
        of="training",
    )


class MoLA(MoLAOptions, Part):
    r"""Every segment of the horizon has its own weights, of which most are shared.

    .. math:: W_s = W + c \sum_p \alpha_{sp} B_p A_p.

    The shared weights W are those of a network that forecasts the first segment. The experts start
    at zero, so every segment starts as that network.

    Parameters
    ----------
    {parameters}

    References
    ----------
    Pan et al., "Mixture of Low Rank Adaptation with Partial Parameter Sharing for Time Series
    Forecasting", 2025, arXiv 2505.17872. The base may forecast more than one step, as the
    segments of the paper do. The paper has no covariates; here their maps have experts too.
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
        for site in matching(sites.of_kind("linear"), patterns, "adapted_layers"):
            n_in, n_out = site.n_features, site.n_outputs
            rank = min(self.rank, n_in, n_out)  # more makes no difference
            experts = LoRAExperts(self.n_experts, n_in, n_out, rank, scaling=self.scaling)
            mixture = SegmentMixture(sites.segments.count, self.n_experts, mixing=self.mixing)
            sites.add(site, name, Term(mixture, experts, adapter=True))

    def trains_beside_adapters(self, name: str) -> bool:
        """Say whether a parameter is the head's own and ``train_head`` is on."""
        return self.train_head and name in ("head.weight", "head.bias")

"""MoLA: a base for the first steps, and mixtures of LoRA experts over the horizon."""

from collections.abc import Sequence

from hyperforecast.nn.contexts import SegmentMixture
from hyperforecast.nn.errors import check_sizes, unknown_name
from hyperforecast.nn.generators import LoRAExperts
from hyperforecast.nn.parts.base import Part
from hyperforecast.nn.segments import Segments
from hyperforecast.nn.sites import NetworkSites, check_names, matching
from hyperforecast.nn.term import Term


class MoLA(Part):
    r"""Every segment of the horizon has its own weights, of which most are shared.

    .. math:: W_s = W + c \sum_p \alpha_{sp} B_p A_p.

    The shared weights W are those of a network that forecasts the first segment. The experts start
    at zero, so every segment starts as that network.

    Parameters
    ----------
    n_segments : int, optional
        Number of segments S of equal length that the horizon is cut into; 8, or fewer where the
        horizon does not cut into as many, if not given.
    segment_length : int, optional
        Steps of a segment, instead of ``n_segments``; 1 is the paper's one-step base.
    n_experts : int, default=4
        Number P of experts of each layer.
    rank : int, default=4
        Rank r of each expert.
    scaling : float, default=1.0
        Factor c of the experts; "alpha / r" of the literature on LoRA.
    mixing : {"softmax", "free"}, default="softmax"
        Whether the shares of a segment are positive and sum to one, or are free numbers.
    adapted_layers : sequence of str, optional
        Names of the layers that have experts, with ``*`` for any part of a name, for example
        ``["head", "backbone.layers.*"]``; all linear layers if not given.
    train_head : bool, default=False
        Whether the shared weights of the head are trained beside the experts.

    References
    ----------
    Pan et al., "Mixture of Low Rank Adaptation with Partial Parameter Sharing for Time Series
    Forecasting", 2025, arXiv 2505.17872. The base may forecast more than one step, as the
    segments of the paper do. The paper has no covariates; here their maps have experts too.
    """

    slot = "adapters"

    def __init__(
        self,
        *,
        n_segments: int | None = None,
        segment_length: int | None = None,
        n_experts: int = 4,
        rank: int = 4,
        scaling: float = 1.0,
        mixing: str = "softmax",
        adapted_layers: Sequence[str] | None = None,
        train_head: bool = False,
    ) -> None:
        check_options(n_experts, rank, scaling, mixing, adapted_layers)
        self.n_segments = n_segments
        self.segment_length = segment_length
        self.n_experts = n_experts
        self.rank = rank
        self.scaling = scaling
        self.mixing = mixing
        self.adapted_layers = ["*"] if adapted_layers is None else list(adapted_layers)
        self.train_head = train_head

    def cut(self, horizon: int) -> Segments:
        """Cut the horizon into segments."""
        return Segments(horizon, self.n_segments, self.segment_length)

    def put_into(self, sites: NetworkSites, name: str) -> None:
        """Add experts to the layers that ``adapted_layers`` names."""
        assert sites.segments is not None
        for site in matching(sites.of_kind("linear"), self.adapted_layers, "adapted_layers"):
            n_in, n_out = site.n_features, site.n_outputs
            rank = min(self.rank, n_in, n_out)  # more makes no difference
            experts = LoRAExperts(self.n_experts, n_in, n_out, rank, scaling=self.scaling)
            mixture = SegmentMixture(sites.segments.count, self.n_experts, mixing=self.mixing)
            sites.add(site, name, Term(mixture, experts, adapter=True))

    def trains_beside_adapters(self, name: str) -> bool:
        """Say whether a parameter is the head's and ``train_head`` is on."""
        return self.train_head and name.startswith("head.")


def check_options(
    n_experts: int,
    rank: int,
    scaling: float,
    mixing: str,
    adapted_layers: Sequence[str] | None,
) -> None:
    """Raise if an option of :class:`MoLA` is wrong."""
    check_sizes(n_experts=n_experts, rank=rank)
    if not scaling > 0:
        raise ValueError(f"scaling must be a number > 0; got {scaling!r}.")
    if mixing not in SegmentMixture.kinds:
        raise ValueError(unknown_name("mixing", mixing, SegmentMixture.kinds))
    check_names(adapted_layers, "adapted_layers")

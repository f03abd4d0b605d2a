"""MoLA: a base for the first steps, and mixtures of LoRA experts over the horizon."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from hyperforecast.nn.adapted_linear import AdaptedLinear
from hyperforecast.nn.contexts import SegmentMixture
from hyperforecast.nn.errors import check_sizes, unknown_name
from hyperforecast.nn.generators import LoRAExperts
from hyperforecast.nn.methods.base import Method
from hyperforecast.nn.segments import Segments


class MoLA(Method):
    r"""Every segment of the horizon has its own weights, of which most are shared.

    .. math:: W_s = W + c \sum_p \alpha_{sp} B_p A_p.

    The shared weights W are those of a network that forecasts the first segment. The experts start
    at zero, so every segment starts as that network.

    Parameters
    ----------
    n_channels : int
        Number of channels C.
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

    folds = True

    def __init__(
        self,
        n_channels: int,
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
        super().__init__(n_channels)
        check_options(n_experts, rank, scaling, mixing, adapted_layers)
        self.n_segments = n_segments
        self.segment_length = segment_length
        self.n_experts = n_experts
        self.rank = rank
        self.scaling = scaling
        self.mixing = mixing
        self.adapted_layers = ["*"] if adapted_layers is None else list(adapted_layers)
        self.trains_head = train_head

    def cut(self, horizon: int) -> Segments:
        """Cut the horizon into segments."""
        return Segments(horizon, self.n_segments, self.segment_length)

    def complete(self, network: nn.Module, segments: Segments | None) -> None:
        """Put experts beside the layers that ``adapted_layers`` names."""
        assert segments is not None
        sites = {name: layer for name, layer in network.named_modules() if type(layer) is nn.Linear}
        for pattern in self.adapted_layers:
            if not any(fnmatchcase(name, pattern) for name in sites):
                raise ValueError(
                    f"adapted_layers names {pattern!r}, and no layer has such a name. There are: "
                    f"{', '.join(map(repr, sites))}."
                )
        for name, layer in sites.items():
            if any(fnmatchcase(name, pattern) for pattern in self.adapted_layers):
                parent, _, child = name.rpartition(".")
                setattr(network.get_submodule(parent), child, self._adapted(layer, segments))

    def _adapted(self, layer: nn.Linear, segments: Segments) -> AdaptedLinear:
        # more than the layer's smaller side makes no difference
        rank = min(self.rank, layer.in_features, layer.out_features)
        return AdaptedLinear(
            layer,
            segments,
            LoRAExperts(
                self.n_experts,
                layer.in_features,
                layer.out_features,
                rank,
                scaling=self.scaling,
            ),
            SegmentMixture(segments.count, self.n_experts, mixing=self.mixing),
        )


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
    if adapted_layers is not None:
        names: Any = adapted_layers
        if isinstance(names, str) or not names or not all(isinstance(n, str) for n in names):
            raise ValueError(
                "adapted_layers must be a list of names of layers, in which * stands for any part "
                f"of a name, for example ['head', 'backbone.*']; got {adapted_layers!r}."
            )

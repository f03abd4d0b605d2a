"""MoLA: a base for the first steps, and mixtures of LoRA experts over the horizon."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal

from torch import nn

from hyperforecast.nn.adapted_linear import AdaptedLinear
from hyperforecast.nn.contexts import SegmentMixture
from hyperforecast.nn.errors import Problems, check_sizes, raise_all, unknown_name
from hyperforecast.nn.generators import LoRAExperts
from hyperforecast.nn.methods.base import Method
from hyperforecast.nn.options import option, option_group, takes
from hyperforecast.nn.segments import Segments


@option_group
class MoLAOptions:
    """Options of MoLA."""

    n_segments: int | None = option(
        default=None,
        doc="""Number of segments S of equal length that the horizon is cut into; 8, or fewer where
        the horizon does not cut into as many, if not given.""",
    )
    segment_length: int | None = option(
        default=None,
        doc="Steps of a segment, instead of ``n_segments``; 1 is the paper's one-step base.",
    )
    n_experts: int = option(default=4, doc="Number P of experts of each layer.")
    rank: int = option(
        default=4, doc="Rank r of each expert, at most the smaller side of its layer."
    )
    scaling: float = option(
        default=1.0, doc='Factor c of the experts; "alpha / r" of the literature on LoRA.'
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


@takes(MoLAOptions)
class MoLA(Method):
    r"""Every segment of the horizon has its own weights, of which most are shared.

    .. math:: W_s = W + c \sum_p \alpha_{sp} B_p A_p.

    The shared weights W are those of a network that forecasts the first segment. The experts start
    at zero, so every segment starts as that network.

    Parameters
    ----------
    n_channels : int
        Number of channels C.
    {parameters}

    References
    ----------
    Pan et al., "Mixture of Low Rank Adaptation with Partial Parameter Sharing for Time Series
    Forecasting", 2025, arXiv 2505.17872. The base may forecast more than one step, as the
    segments of the paper do. The paper has no covariates; here their maps have experts too.
    """

    folds = True

    def __init__(self, n_channels: int, **options: Any) -> None:
        super().__init__(n_channels)
        chosen = MoLAOptions(**options)
        check_options(chosen)
        self.n_segments = chosen.n_segments
        self.segment_length = chosen.segment_length
        self.n_experts = chosen.n_experts
        self.rank = chosen.rank
        self.scaling = chosen.scaling
        self.mixing = chosen.mixing
        layers = chosen.adapted_layers
        self.adapted_layers = ["*"] if layers is None else list(layers)
        self.trains_head = chosen.train_head

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


def check_options(options: MoLAOptions) -> None:
    """Raise if an option of :class:`MoLA` is wrong."""
    problems = Problems()
    problems.check(check_sizes, n_experts=options.n_experts, rank=options.rank)
    if not options.scaling > 0:
        problems.append(f"scaling must be a number > 0; got {options.scaling!r}.")
    if options.mixing not in SegmentMixture.kinds:
        problems.append(unknown_name("mixing", options.mixing, SegmentMixture.kinds))
    names: Any = options.adapted_layers
    if names is not None and (
        isinstance(names, str) or not names or not all(isinstance(n, str) for n in names)
    ):
        problems.append(
            "adapted_layers must be a list of names of layers, in which * stands for any part "
            f"of a name, for example ['head', 'backbone.*']; got {names!r}."
        )
    raise_all(problems)

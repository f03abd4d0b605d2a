"""How much each segment of the horizon draws on each expert."""

import torch
from torch import Tensor, nn

from hyperforecast.nn.contexts.base import Context
from hyperforecast.nn.contexts.channel_gate import ChannelGate
from hyperforecast.nn.layers.conditioning import Condition


class SegmentMixture(Context):
    r"""How much each segment of the horizon draws on each expert: the context of MoLA.

    Parameters
    ----------
    n_segments, n_experts : int
        Numbers of segments S and of experts P.
    mixing : {"softmax", "free"}, default="softmax"
        Whether the shares of a segment are positive and sum to one, or are free numbers.

    Attributes
    ----------
    weight : Parameter, shape (S, P)
        The logits divided by ``speed`` (see :class:`ChannelGate`), or the free shares. With
        ``"softmax"`` and one expert every share is 1, and there is no parameter.

    Notes
    -----
    Experts start in order along the horizon: with segments and experts spread evenly over [0, 1],
    the logit of a segment's share is minus the square of its distance to the expert, measured in
    experts. So neighbouring segments start with like shares, and each expert has segments of its
    own. Free shares start at the same values.

    References
    ----------
    Pan et al., "Mixture of Low Rank Adaptation with Partial Parameter Sharing for Time Series
    Forecasting", 2025, arXiv 2505.17872: the weights of the experts. Deviation: their start.
    """

    axis = "segment"
    kinds = ("softmax", "free")
    speed = ChannelGate.speed
    ones: Tensor

    def __init__(self, n_segments: int, n_experts: int, *, mixing: str = "softmax") -> None:
        super().__init__()
        self.n_segments = n_segments
        self.n_experts = n_experts
        self.mixing = mixing
        segments = torch.linspace(0, 1, n_segments)[:, None]
        experts = torch.linspace(0, 1, n_experts)
        logits = -((n_experts - 1) * (segments - experts)).square()  # (S, P)
        self.weight: nn.Parameter | None = None
        self.register_buffer("ones", torch.ones_like(logits), persistent=False)
        if mixing == "free":
            self.weight = nn.Parameter(logits.softmax(dim=-1))
        elif n_experts > 1:
            self.weight = nn.Parameter(logits / self.speed)

    def forward(self, condition: Condition | None = None) -> Tensor:
        """Return the shares, shape (S, P)."""
        if self.weight is None:
            return self.ones
        if self.mixing == "free":
            return self.weight
        return (self.speed * self.weight).softmax(dim=-1)

    def extra_repr(self) -> str:
        """Sizes, for ``print(network)``."""
        return f"n_segments={self.n_segments}, n_experts={self.n_experts}, mixing={self.mixing!r}"

"""Several networks as one, whose forecasts are added up."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from hyperforecast.nn.hyper_network import HyperNetwork
from hyperforecast.nn.network import ForecastingNetwork
from hyperforecast.nn.series.gap_filler import GapFiller

MEMBERS = "members"


class CombinedNetwork(HyperNetwork):
    r"""Networks of the same windows, whose forecasts are added up, each by its share.

    :math:`\hat y = \sum_j a_j \hat y_j`. Where a step has several outputs, these are quantiles
    around the middle one. The mean of the members' quantiles is too wide for the sum, whose errors
    are smaller than theirs, so each distance from the middle is multiplied by a number of the
    channel.

    Parameters
    ----------
    members : sequence of mapping
        Arguments of each :class:`ForecastingNetwork`, but for those that all have.
    shares : sequence of float
        Not negative, of sum one.
    spreads : sequence of float
        What distances from the middle output are multiplied by, of each channel.
    **of_all
        Arguments that all members have, the number of channels among them.
    """

    spreads: Tensor

    def __init__(
        self,
        *,
        members: Sequence[Mapping[str, Any]],
        shares: Sequence[float],
        spreads: Sequence[float],
        **of_all: Any,
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(ForecastingNetwork(**of_all, **one) for one in members)
        self.shares = tuple(shares)
        self.register_buffer("spreads", torch.tensor(list(spreads)), persistent=False)
        first = self._networks[0]
        for name in ("lookback", "horizon", "n_channels", "weights_by", "n_series", "periods"):
            setattr(self, name, getattr(first, name))
        self.output_roles, self.point_head = first.output_roles, first.point_head
        self.parts = {name: part for one in self._networks for name, part in one.parts.items()}

    @property
    def gap_filler(self) -> GapFiller:  # type: ignore[override]  # of each its own, all alike
        """What fills gaps in windows."""
        return self._networks[0].gap_filler

    @property
    def _networks(self) -> list[ForecastingNetwork]:
        return [one for one in self.members if isinstance(one, ForecastingNetwork)]

    def forward(self, past_target: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Forecast windows (B, L, C) -> (B, H, C, P); see :meth:`ForecastingNetwork.forward`."""
        forecasts = [one(past_target, *args, **kwargs) for one in self._networks]
        total = sum(share * one for share, one in zip(self.shares, forecasts, strict=True))
        assert isinstance(total, Tensor)
        n_outputs = total.shape[-1]
        if n_outputs == 1:
            return total
        middle = total[..., n_outputs // 2, None]
        return middle + self.spreads[:, None] * (total - middle)


def make_network(arguments: Mapping[str, Any]) -> HyperNetwork:
    """Make a network, or several that are one, of plain arguments."""
    return (CombinedNetwork if MEMBERS in arguments else ForecastingNetwork)(**arguments)

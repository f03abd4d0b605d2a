"""Networks with a linear backbone, as one linear map of the window."""

from typing import Any

import torch
from torch import nn

from hyperforecast.nn.backbones import NLinear
from hyperforecast.nn.network import ForecastingNetwork


def maps_linearly(network: ForecastingNetwork) -> bool:
    """Say whether backbone and head are one linear map of the window, the same in every pass."""
    return network.folds and hasattr(network.backbone, "linear_map_of_head")


@torch.no_grad()
def as_one_map(network: ForecastingNetwork) -> ForecastingNetwork:
    """Return a folded copy of a network in which backbone and head are one linear map.

    It forecasts the same up to rounding: DLinear without splitting windows, and by half the
    weights.

    Parameters
    ----------
    network : ForecastingNetwork
        One that :func:`maps_linearly`.
    """
    folded = network.fold()
    backbone: Any = folded.backbone
    head: Any = folded.head
    head.weight = nn.Parameter(backbone.linear_map_of_head(head.weight))
    if isinstance(head, nn.Linear):
        head.in_features = backbone.lookback
    folded.backbone = NLinear(backbone.lookback, backbone.n_channels)
    return folded

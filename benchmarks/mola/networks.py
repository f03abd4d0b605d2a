"""The networks that MoLA is measured on."""

from typing import Any

import torch

from hyperforecast.nn import ForecastingNetwork

SIZES: dict[str, dict[str, Any]] = {
    "dlinear": {},
    "itransformer": {"d_model": 128, "d_ff": 128, "e_layers": 2},
    "patchtst": {"d_model": 16, "d_ff": 64, "n_heads": 4, "e_layers": 2, "dropout": 0.2},
}
"""Backbones of the comparisons, of sizes that train in minutes on a processor."""


def mola_network(backbone: str, sizes: dict[str, Any], **options: Any) -> ForecastingNetwork:
    """Make a network of 7 channels, 96 steps to 96, 8 segments and experts that do something."""
    torch.manual_seed(0)
    network = ForecastingNetwork(
        lookback=96,
        horizon=96,
        n_channels=7,
        parts={"mola": {"n_segments": 8, **options}},
        backbone=backbone,
        backbone_kwargs=sizes,
    )
    with torch.no_grad():
        for parameter in network.adapters().values():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network

"""Parameter counts of the paper's networks."""

import itertools
from typing import Any

import pandas as pd
import torch

from hyperforecast.nn import ForecastingNetwork, LowRankPool, count_parameters

VARIANTS = ("shared", "full", "light")

PAPER_CHANNELS = {"Weather": 21, "PEMS08": 170, "Electricity": 321, "PEMS07": 883}
PAPER_BACKBONES: dict[str, dict[str, Any]] = {
    "rlinear": {"d_model": 512},
    "rmlp": {"d_model": 512},
    "patchtst": {"d_model": 512, "d_ff": 512, "e_layers": 3, "n_heads": 8},
    "itransformer": {"d_model": 512, "d_ff": 512, "e_layers": 3},
}
"""Sizes of the paper's networks: windows of 96 steps, rank 25, ten components."""


def parameters(horizon: int) -> pd.DataFrame:
    """Count the parameters of the paper's networks with each embedding."""
    rows = []
    for (backbone, sizes), (data, n_channels) in itertools.product(
        PAPER_BACKBONES.items(), PAPER_CHANNELS.items()
    ):
        counts = {}
        for variant in VARIANTS:
            with torch.device("meta"):
                network = ForecastingNetwork(
                    lookback=96,
                    horizon=horizon,
                    n_channels=n_channels,
                    parts={"light-sae": {"variant": variant}},
                    backbone=backbone,
                    backbone_kwargs=sizes,
                )
            counts[variant] = count_parameters(network)
        biases = sum(m.bias.numel() for m in network.modules() if isinstance(m, LowRankPool))
        more = {v: 100 * (counts[v] / counts["shared"] - 1) for v in ("full", "light")}
        rows.append(
            {
                "backbone": backbone,
                "channels": f"{data}, {n_channels}",
                **counts,
                "full, % more": more["full"],
                "light, % more": more["light"],
                "without its biases": more["light"] - 100 * biases / counts["shared"],
            }
        )
    return pd.DataFrame(rows)

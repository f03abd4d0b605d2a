"""The time of a forecast and of a training step, beside networks with as many parameters."""

from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd
import torch
from torch import Tensor

from benchmarks.hypernetworks.comparisons import COMPARISONS, Sizes, controls, make_network
from benchmarks.timing import in_turns, median
from hyperforecast.nn import ForecastingNetwork, count_parameters

SIZES = Sizes(lookback=96, horizon=96, n_channels=7)
BATCH = 32


def forecast(network: ForecastingNetwork, x: Tensor) -> None:
    """Forecast, with what a network keeps from forecast to forecast."""
    network.eval()
    with torch.no_grad():
        network(x)


def step(network: ForecastingNetwork, x: Tensor) -> None:
    """Compute all gradients."""
    network.train()
    torch.autograd.grad(network(x).square().mean(), list(network.parameters()))


def cost(names: Sequence[str], repetitions: int) -> pd.DataFrame:
    """Time the networks of some comparisons in turns; processor time."""
    x = torch.randn(BATCH, SIZES.lookback, SIZES.n_channels)
    rows = []
    for name in names:
        comparison = COMPARISONS[name]
        networks = {
            "hyper": make_network(
                SIZES,
                comparison.backbone,
                comparison.widths,
                {comparison.part: comparison.options},
            ),
            "same width": make_network(SIZES, comparison.backbone, comparison.widths),
        }
        for backbone, widths in controls(comparison, SIZES):
            networks[backbone] = make_network(SIZES, backbone, widths)
        passes: dict[str, Callable] = {"forecast": forecast, "training step": step}
        for kind, run in passes.items():
            tasks = {key: partial(run, made, x) for key, made in networks.items()}
            times = in_turns(tasks, repetitions, warm_up=1)
            ms = {key: 1000 * median(each).processor for key, each in times.items()}
            rows += [
                {
                    "network": name,
                    "pass": kind,
                    "against": key,
                    "parameters": count_parameters(networks["hyper"]),
                    "its parameters": count_parameters(made),
                    "ms": ms["hyper"],
                    "its ms": ms[key],
                    "ratio": ms["hyper"] / ms[key],
                }
                for key, made in networks.items()
                if key != "hyper"
            ]
    return pd.DataFrame(rows)

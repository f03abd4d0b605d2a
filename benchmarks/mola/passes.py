"""The time of one pass over all segments, against a loop over them."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
import torch
from torch import Tensor
from torch.func import functional_call

from benchmarks.mola.networks import SIZES, mola_network
from benchmarks.timing import in_turns, median
from hyperforecast.nn import ForecastingNetwork, HyperLinear


def in_a_loop(network: ForecastingNetwork, backbone: str, sizes: dict[str, Any]) -> Callable:
    """Return the same forecast, made segment by segment by a plain network of summed weights."""
    assert network.segments is not None
    plain = ForecastingNetwork(
        lookback=96,
        horizon=network.segments.length,
        n_channels=7,
        backbone=backbone,
        backbone_kwargs=sizes,
    )
    state = network.state_dict(keep_vars=True)
    shared = {name: state[name] for name in plain.state_dict()}
    layers = {n: m for n, m in network.named_modules() if isinstance(m, HyperLinear)}

    def forecast(x: Tensor) -> Tensor:
        plain.train(network.training)
        weights = {name: layer.generate()[0] for name, layer in layers.items()}
        parts = []
        for s in range(network.segments.count):
            own = {f"{name}.weight": weight[s] for name, weight in weights.items()}
            parts.append(functional_call(plain, {**shared, **own}, (x,)))
        return torch.cat(parts, dim=1)

    return forecast


def passes(repetitions: int) -> pd.DataFrame:
    """Time one pass over eight segments against a loop over them."""
    rows = []
    for backbone, sizes in SIZES.items():
        for batch, training in ((1, False), (32, False), (32, True)):
            network = mola_network(backbone, sizes)
            x = torch.randn(batch, 96, 7)
            loop = in_a_loop(network, backbone, sizes)
            network.eval()
            with torch.no_grad():
                assert torch.allclose(network(x), loop(x), atol=1e-4)
            network.train(training)
            adapters = list(network.adapters().values())
            for name, parameter in network.named_parameters():
                parameter.requires_grad = training and name in network.adapters()

            def step(
                forward: Callable, x: Tensor = x, training: bool = training, of: list = adapters
            ) -> None:
                with torch.set_grad_enabled(training):
                    y = forward(x)
                    if training:
                        torch.autograd.grad(y.square().mean(), of)

            times = in_turns(
                {"together": partial(step, network), "apart": partial(step, loop)},
                repetitions,
                warm_up=1,
            )
            together, apart = (median(times[name]).processor for name in ("together", "apart"))
            rows.append(
                {
                    "backbone": backbone,
                    "": "training" if training else "forecasting",
                    "batch": batch,
                    "one pass, ms": 1000 * together,
                    "loop, ms": 1000 * apart,
                    "loop / one pass": apart / together,
                }
            )
    return pd.DataFrame(rows)

"""Series, networks over them, and their windows and losses written out."""

from typing import Any

import torch
from torch import Tensor

from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.exact import ObservedSeries
from hyperforecast.nn.windows import WindowCutter, Windows

L, H, C = 12, 4, 3
CUTTER = WindowCutter(L, H, 0, torch.float64)

SIZES: dict[str, dict[str, Any]] = {
    "rlinear": {"d_model": 6},
    "rmlp": {"d_model": 6},
    "patchtst": {"d_model": 4, "n_heads": 2, "d_ff": 4, "e_layers": 1},
    "itransformer": {"d_model": 4, "n_heads": 2, "d_ff": 4, "e_layers": 1},
    "moderntcn": {"d_model": 4},
    "tcn": {"d_model": 4},
    "lstm": {"d_model": 4},
}


def observed(n_rows: int = 90, *, seed: int = 0, covariates: bool = False) -> ObservedSeries:
    """Three noisy waves of their own scales, with covariates that they follow if asked for."""
    random = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random, dtype=torch.float64)

    steps = torch.arange(n_rows, dtype=torch.float64)[:, None]
    target = torch.sin(steps / (3.0 + torch.arange(C))) + 0.3 * normal(n_rows, C)
    past = future = static = None
    if covariates:
        future, static = normal(n_rows, 1), normal(C, 2)
        past = torch.cat([normal(n_rows, 1), future], dim=1)
        target = target + future * torch.tensor([0.5, 1.0, -0.5])
    scales = torch.tensor([1.0, 10.0, 0.1])
    return ObservedSeries((target + 1.0) * scales, past, future, static)


def arguments(
    backbone: str, parts: dict[str, dict[str, Any]] | None = None, **others: Any
) -> dict[str, Any]:
    sizes = {"lookback": L, "horizon": H, "n_channels": C}
    return {
        **sizes,
        "backbone": backbone,
        "backbone_kwargs": SIZES.get(backbone),
        "parts": parts or {},
        **others,
    }


def network_of(arguments: dict[str, Any], seed: int = 0) -> ForecastingNetwork:
    """A network in float64 whose weights are all drawn at random."""
    torch.manual_seed(seed)
    network = ForecastingNetwork(**arguments).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return network.eval()


def windows_of(series: ObservedSeries) -> Windows:
    return CUTTER.cut(series, CUTTER.starts(series))


def loss_of(network: ForecastingNetwork, series: ObservedSeries, deviation: Tensor) -> Tensor:
    """Mean squared error of all windows, each channel in units of its deviation."""
    past, past_covariates, future_covariates, static, target, *_ = windows_of(series)
    forecast = network(past, past_covariates, future_covariates, static).squeeze(-1)
    return ((forecast - target) / deviation).square().mean()


def deviation_of(series: ObservedSeries) -> Tensor:
    return series.target.std(dim=0, correction=0)

"""Networks that hold a solution, and their forecasts of every window of a series."""

from typing import Any

import torch
from torch import Tensor

from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.exact import ExactSolution, ObservedSeries, Problem, solved_network


def network_of(
    solution: ExactSolution, problem: Problem, series: ObservedSeries
) -> ForecastingNetwork:
    """Build the network of a solution, with weights generated or one head for each channel."""
    part = "individual" if solution.setting.individual else "hn-mvts"
    arguments: dict[str, Any] = {
        "lookback": problem.lookback,
        "horizon": problem.horizon,
        "n_channels": series.n_channels,
        "parts": {part: {}},
        "backbone": "nlinear",
        "n_past_covariates": series.n_past,
        "n_future_covariates": series.n_future,
        "n_static_covariates": series.n_static,
    }
    return solved_network(arguments, solution).eval()


def forecasts(network: ForecastingNetwork, problem: Problem, series: ObservedSeries) -> Tensor:
    """Forecast from every window of a series, through the network's front door: (T, H, C)."""
    n_windows = len(series.target) - problem.width + 1
    first = problem.lookback + problem.shift

    def rows(values: Tensor | None, start: int, length: int) -> Tensor | None:
        if values is None:
            return None
        return values.unfold(0, length, 1)[start : start + n_windows].transpose(1, 2)

    static = None if series.static is None else series.static.expand(n_windows, -1, -1)
    with torch.no_grad():
        return network(
            rows(series.target, 0, problem.lookback),
            past_covariates=rows(series.past, 0, problem.lookback),
            future_covariates=rows(series.future, first, problem.horizon),
            static_covariates=static,
        ).squeeze(-1)


def targets(problem: Problem, series: ObservedSeries) -> Tensor:
    """What every window of a series is to forecast, (T, H, C)."""
    first = problem.lookback + problem.shift
    return series.target[first:].unfold(0, problem.horizon, 1).transpose(1, 2)

"""Series whose best setting is known."""

import torch
from naive_windows import designs
from torch import Tensor

from hyperforecast.nn.exact import ExactSolution, ObservedSeries, Problem, WindowLayout

L, H = 8, 2


def noise(*shape: int, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=random, dtype=torch.float64)


def autoregressive(lags: Tensor, n_rows: int = 500, *, seed: int = 0) -> Tensor:
    """Channels (T, C) with the given coefficients (C, p) of their last steps."""
    n_channels, order = lags.shape
    shocks = noise(n_rows, n_channels, seed=seed)
    x = torch.zeros_like(shocks)
    for t in range(n_rows):
        x[t] = shocks[t]
        for k in range(min(order, t)):
            x[t] += lags[:, k] * x[t - 1 - k]
    return x


def alike(n_channels: int = 8, **kwargs: int) -> ObservedSeries:
    """Channels with the same dynamics and nothing in common."""
    return ObservedSeries(
        autoregressive(torch.tensor([[0.5, 0.3]]).expand(n_channels, -1), **kwargs)
    )


def clustered(n_rows: int = 500, *, seed: int = 0) -> ObservedSeries:
    """Two groups of channels with opposite dynamics, correlated within a group."""
    lags = torch.tensor([[0.9], [-0.9]])
    common = autoregressive(lags, n_rows, seed=seed)
    own = autoregressive(lags.repeat(4, 1), n_rows, seed=seed + 1)
    return ObservedSeries(common.repeat(1, 4) + 0.5 * own)


def driven(n_rows: int = 500, *, seed: int = 0) -> ObservedSeries:
    """Noisy channels that follow a common factor one step behind."""
    factor = autoregressive(torch.tensor([[0.95]]), n_rows + 1, seed=seed)
    loadings = torch.linspace(0.5, 1.5, 8, dtype=torch.float64)
    return ObservedSeries(factor[:-1] * loadings + noise(n_rows, 8, seed=seed + 1))


def error(solution: ExactSolution, problem: Problem, several: list[ObservedSeries]) -> float:
    """Mean squared error of a solution, forecast by forecast, in its units."""
    several = [solution.units.standardise(one) for one in several]
    setting = solution.setting
    layout = WindowLayout(
        problem.lookback,
        problem.horizon,
        problem.shift,
        setting.norm,
        solution.loadings if setting.n_factors else None,
        solution.factor_lookback,
        several[0].n_channels if setting.neighbour_lags else 0,
        setting.neighbour_lags,
    )
    x, y, f = designs(several, layout)
    weight, future = solution.weights.of_channels(solution.mixing)
    forecasts = torch.einsum("tcp,chp->tch", x, weight) + torch.einsum("tchf,cf->tch", f, future)
    return (y - forecasts).square().mean().item()

"""How often intervals of the exact solver hold what comes, and their pinball loss."""

import math
import warnings
from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
import torch
from darts import TimeSeries
from darts.utils.likelihood_models.torch import QuantileRegression
from torch import Tensor

from benchmarks.markdown import markdown
from benchmarks.protocol import batches, load, windows
from benchmarks.runs import RESULTS, Row, Run, complete
from benchmarks.solver.fits import ONE_SETTING
from benchmarks.timing import timed
from hyperforecast.darts import HNMVTSModel
from hyperforecast.datasets import load_fertility

LEVELS = (0.05, 0.1, 0.5, 0.9, 0.95)
"""Of 90 % intervals, of 80 % intervals, and the median."""

WINDOWS = {"ETTh1": (336, 96), "weather": (336, 96), "los_speed": (96, 12)} | {
    "exchange_rate": (96, 96)
}

PROCESSES = {"AR 0.7, season 12": (0.7, 12), "AR 0.5, season 12": (0.5, 12)} | {
    "AR 0.7, season 24": (0.7, 24),
    "AR 0.2, season 12": (0.2, 12),
}
"""Coefficient and period of the made series; their seasons have an amplitude of three shocks."""

N_ROWS = (48, 72, 120, 240, 600)

FIRST_ORIGIN = 30
"""Number of fertility's rows in its first fit; each one after has a row more."""

N_RECENT = 24
"""Number of values whose differences say whether a window is calm or lively."""


def coverage(names: Sequence[str], folder: str | None, n_draws: int) -> None:
    """Make the tables of made series, of fertility, and of the data sets."""
    path = RESULTS / "solver_coverage.csv"
    made = [
        Run(
            {"data": process, "rows": n_rows, "draws": n_draws},
            partial(cover_made, *PROCESSES[process], n_rows, n_draws),
        )
        for process in PROCESSES
        for n_rows in N_ROWS
    ]
    key = {"data": "fertility", "rows": FIRST_ORIGIN, "draws": 1}
    _show(complete(path, [*made, Run(key, cover_fertility)]))
    path = RESULTS / "solver_coverage_data.csv"
    runs = [
        Run(
            {"data": name, "chosen on": "training rows" if held_out else "validation part"},
            partial(cover_data, name, folder, held_out),
        )
        for name in names
        for held_out in (False, True)
    ]
    _show(complete(path, runs))


def _show(rows: Sequence[Row]) -> None:
    print(markdown(pd.DataFrame(rows), digits=3), flush=True)


def autoregression_with_season(
    slope: float, period: int, n_rows: int, generator: np.random.Generator
) -> np.ndarray:
    """Return a first-order autoregression with unit shocks and a sine of three: (T, 1)."""
    shocks = generator.normal(size=n_rows + 100)
    values = np.zeros(len(shocks))
    for t in range(1, len(shocks)):
        values[t] = slope * values[t - 1] + shocks[t]
    phase = generator.uniform(0, 2 * math.pi)
    season = 3 * np.sin(2 * math.pi * np.arange(len(shocks)) / period + phase)
    return (values + season)[100:, None]


def cover_made(slope: float, period: int, n_rows: int, n_draws: int) -> Row:
    """Forecast the continuation of made series, each from a fit of its own."""
    lookback, horizon = 24, 12
    inside = []
    for draw in range(n_draws):
        generator = np.random.default_rng(draw)
        values = autoregression_with_season(slope, period, n_rows + horizon, generator)
        found = _forecast(values[:n_rows], lookback, horizon)
        inside.append(_inside(values[n_rows:], found))
    return {"coverage": float(np.mean(inside)), "standard error": _standard_error(inside)}


def cover_fertility() -> Row:
    """Forecast five years of all countries from every year from 1989 on."""
    values, horizon = load_fertility().to_numpy(), 5
    inside = []
    for origin in range(FIRST_ORIGIN, len(values) - horizon + 1):
        found = _forecast(values[:origin], 12, horizon)
        inside.append(_inside(values[origin : origin + horizon], found))
    return {"coverage": float(np.mean(inside)), "standard error": _standard_error(inside)}


def _forecast(values: np.ndarray, lookback: int, horizon: int) -> np.ndarray:
    """Fit to rows (T, C) and forecast quantiles: (H, C, P)."""
    model = HNMVTSModel(
        lookback,
        horizon,
        solver="exact",
        solver_kwargs=ONE_SETTING,
        likelihood=QuantileRegression(list(LEVELS)),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the rows are few
        model.fit(TimeSeries.from_values(values))
    past = torch.from_numpy(values[-lookback:]).unsqueeze(0)
    with torch.no_grad():
        return model.network(past)[0].numpy()


def _inside(values: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    return (values >= quantiles[..., 0]) & (values <= quantiles[..., -1])


def _standard_error(inside: Sequence[np.ndarray]) -> float:
    """Of the mean over draws, or over origins as if they were independent."""
    means = [one.mean() for one in inside]
    return float(np.std(means) / math.sqrt(len(means)))


def cover_data(name: str, folder: str | None, held_out: bool) -> Row:
    """Fit to the training part of a data set and forecast every window of its test part."""
    dataset = load(name, folder)
    lookback, horizon = WINDOWS[dataset.name]
    validation = None if held_out else dataset.series("validation", lookback)
    series = dataset.series("train")

    def fit(**options: object) -> HNMVTSModel:
        model = HNMVTSModel(lookback, horizon, solver="exact", solver_kwargs=ONE_SETTING, **options)
        return model.fit(series, val_series=validation)

    _, without = timed(fit)
    model, taken = timed(lambda: fit(likelihood=QuantileRegression(list(LEVELS))))
    levels = torch.tensor(LEVELS)
    insides, losses, activities = [], [], []
    for batch in batches(windows(dataset.rows("test", lookback), lookback + horizon)):
        past, future = batch.split([lookback, horizon], dim=1)
        with torch.no_grad():
            quantiles = model.network(past)
        errors = future.unsqueeze(-1) - quantiles
        losses.append(torch.maximum(levels * errors, (levels - 1) * errors).mean(dim=(1, 2)))
        insides.append((errors[..., 0] >= 0) & (errors[..., -1] <= 0))
        activities.append(past[:, -N_RECENT:].diff(dim=1).square().mean(dim=1))
    inside, activity = torch.cat(insides).float(), torch.cat(activities)
    loss = torch.cat(losses).mean(dim=0)
    calm, lively = _calm_and_lively(inside.mean(dim=1), activity)
    steps, channels = inside.mean(dim=(0, 2)), inside.mean(dim=(0, 1))
    return {
        "coverage": inside.mean().item(),
        "lowest step": steps.min().item(),
        "highest step": steps.max().item(),
        "lowest channel": channels.min().item(),
        "highest channel": channels.max().item(),
        "calm": calm,
        "lively": lively,
        "pinball 10, 50, 90 %": loss[1:4].mean().item(),
        "pinball 5, 50, 95 %": loss[[0, 2, 4]].mean().item(),
        "seconds": taken.processor,
        "seconds without": without.processor,
    }


def _calm_and_lively(inside: Tensor, activity: Tensor) -> tuple[float, float]:
    """Return means (T, C) over each channel's third of least activity, and of most."""
    order = activity.argsort(dim=0)
    third = len(order) // 3
    calm, lively = inside.gather(0, order[:third]), inside.gather(0, order[-third:])
    return calm.mean().item(), lively.mean().item()

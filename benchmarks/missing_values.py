"""Forecasts from data with gaps: gaps as they are, and simple fillings before the same model.

Values are taken out of all rows, at random or in blocks, of every channel by itself. A model is
trained on what is left, and forecasts every window of the test rows from what is left of it; errors
are those from the true values. A filling fills the training rows, and each window of the test rows
by itself, so that nothing is seen that comes after it. For example::

    python -m benchmarks.missing_values --models exact
"""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from darts import TimeSeries
from torch import Tensor

from benchmarks import command_line
from benchmarks.markdown import markdown
from benchmarks.protocol import Dataset, Errors, Part, load, windows
from benchmarks.runs import RESULTS, Run, complete
from hyperforecast.darts import BackboneModel

LENGTHS = {
    "exact": {"ETTh1": (336, 96), "los_speed": (96, 12)},
    "gradients": {"ETTh1": (96, 24), "los_speed": (96, 12)},
}
"""Lookback and horizon."""

SEASONS = {"ETTh1": 24, "los_speed": 288}
"""Steps of a day."""

MODELS: dict[str, dict[str, Any]] = {
    "exact": {"backbone": "dlinear", "solver": "exact"},
    "gradients": {
        "backbone": "rmlp",
        "backbone_kwargs": {"d_model": 128},
        "n_epochs": 3,
        "batch_size": 64,
        "random_state": 0,
    },
}

BLOCK = 24
"""Rows of a block."""

Fill = Callable[[np.ndarray, int], np.ndarray]
"""Fills series (T, m), given the steps of a season."""


def gaps(shape: tuple[int, int], share: float, pattern: str, seed: int) -> np.ndarray:
    """Say which values (T, C) are taken out, of each channel about a share.

    Parameters
    ----------
    shape : (int, int)
    share : float
    pattern : {"random", "blocks"}
        Single values, or blocks of 24 rows that may overlap.
    seed : int
    """
    generator = np.random.default_rng(seed)
    if pattern == "random":
        return generator.random(shape) < share
    n_rows, n_channels = shape
    missing = np.zeros(shape, dtype=bool)
    for channel in range(n_channels):
        while missing[:, channel].mean() < share:
            first = generator.integers(1 - BLOCK, n_rows)
            missing[max(first, 0) : first + BLOCK, channel] = True
    return missing


def last_value(series: np.ndarray, season: int) -> np.ndarray:
    """Repeat the last value; before the first one, that one; zero, the mean, without any."""
    return pd.DataFrame(series).ffill().bfill().fillna(0.0).to_numpy()


def linear(series: np.ndarray, season: int) -> np.ndarray:
    """Draw straight lines; beyond the first and the last value, these are repeated."""
    frame = pd.DataFrame(series).interpolate(limit_direction="both")
    return frame.fillna(0.0).to_numpy()


def seasonal(series: np.ndarray, season: int) -> np.ndarray:
    """Repeat the value of a season before, else of one behind, else as :func:`last_value`."""
    filled = series.copy()
    rows = range(len(filled))
    for row in rows[season:]:
        filled[row] = np.where(np.isnan(filled[row]), filled[row - season], filled[row])
    for row in reversed(rows[: max(0, len(rows) - season)]):
        filled[row] = np.where(np.isnan(filled[row]), filled[row + season], filled[row])
    return last_value(filled, season)


def mean(series: np.ndarray, season: int) -> np.ndarray:
    """Put the training rows' mean, zero, into every gap."""
    return np.nan_to_num(series, nan=0.0)


GAPS, BEST = "as they are", "trained without gaps"

FILLINGS: dict[str, Fill | None] = {
    GAPS: None,
    "last value": last_value,
    "linear": linear,
    "seasonal": seasonal,
    "mean": mean,
    BEST: None,
}
"""What is done to gaps. A model that is trained without any shows how much is lost in training."""


def measure(
    dataset: Dataset, model: str, filling: str, share: float, pattern: str, seed: int
) -> dict[str, Any]:
    """Train and evaluate on data with gaps; return the columns of the results."""
    lookback, horizon = LENGTHS[model][dataset.name]
    season, fill = SEASONS[dataset.name], FILLINGS[filling]
    missing = gaps(dataset.values.shape, share, pattern, seed)
    holey = np.where(missing, np.nan, dataset.values)

    def rows(part: Part) -> np.ndarray:
        begin, end = dataset.bounds[part]
        given = dataset.values if filling == BEST else holey
        some = given[begin if part == "train" else begin - lookback : end]
        return some if fill is None else fill(some, season).astype(np.float32)

    training, validation = (TimeSeries.from_values(rows(part)) for part in ("train", "validation"))
    forecaster = BackboneModel(lookback, horizon, **MODELS[model])
    forecaster.fit(training, val_series=validation)
    errors = _test_errors(forecaster.network.eval(), dataset, holey, fill, lookback, horizon)
    return {"test_mse": round(errors.mse, 5), "test_mae": round(errors.mae, 5)}


@torch.no_grad()
def _test_errors(
    network: torch.nn.Module,
    dataset: Dataset,
    holey: np.ndarray,
    fill: Fill | None,
    lookback: int,
    horizon: int,
) -> Errors:
    begin, end = dataset.bounds["test"]
    past = windows(holey[begin - lookback : end - horizon], lookback)
    future = windows(dataset.values[begin:end], horizon)
    squares = absolutes = 0.0
    for some, truth in zip(past.split(64), future.split(64), strict=True):
        if fill is not None:
            some = _filled(some, fill, SEASONS[dataset.name])
        error = (network(some).squeeze(-1) - truth).double()
        squares += error.square().sum().item()
        absolutes += error.abs().sum().item()
    count = future.numel()
    return Errors(squares / count, absolutes / count)


def _filled(past: Tensor, fill: Fill, season: int) -> Tensor:
    """Fill windows (B, L, C), each by itself."""
    columns = past.permute(1, 0, 2).flatten(1)  # (L, B·C)
    filled = torch.from_numpy(fill(columns.numpy(), season).astype(np.float32))
    return filled.unflatten(1, (len(past), -1)).permute(1, 0, 2)


def table(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Return the mean squared error of every filling, and the ratio to the best simple one."""
    frame = pd.DataFrame(rows)
    key = ["model", "dataset", "pattern", "share"]
    wide = frame.pivot_table(index=key, columns="filling", values="test_mse", sort=False)
    simple = wide.drop(columns=[GAPS, BEST], errors="ignore")
    wide["best simple"] = simple.idxmin(axis=1)
    wide["to best simple"] = wide[GAPS] / simple.min(axis=1)
    return wide.reset_index()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run every combination that the arguments name and print their table."""
    parser = command_line.parser("benchmarks.missing_values", __doc__, folder=True, threads=1)
    parser.add_argument("--data", nargs="+", default=list(SEASONS), choices=list(SEASONS))
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--fillings", nargs="+", default=list(FILLINGS), choices=list(FILLINGS))
    parser.add_argument("--shares", nargs="+", type=float, default=[0.05, 0.2, 0.5])
    parser.add_argument(
        "--patterns", nargs="+", default=["random", "blocks"], choices=["random", "blocks"]
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--results", type=Path, default=RESULTS / "missing_values.csv")
    given: argparse.Namespace = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)

    datasets = {name: load(name, given.folder) for name in given.data}
    runs = []
    names = ("model", "dataset", "pattern", "share", "seed", "filling")
    for values in product(
        given.models, given.data, given.patterns, given.shares, given.seeds, given.fillings
    ):
        key = dict(zip(names, values, strict=True))
        arguments_of = {**key, "dataset": datasets[key["dataset"]]}
        runs.append(Run(key, partial(measure, **arguments_of)))
    print(markdown(table(complete(given.results, runs))))


if __name__ == "__main__":
    main()

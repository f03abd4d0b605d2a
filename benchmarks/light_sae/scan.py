"""A scan over ranks and pool sizes on a data set."""

import itertools
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.cells import Cell, measure
from benchmarks.protocol import Dataset
from benchmarks.runs import Run, complete


def scan(
    dataset: Dataset,
    lookback: int,
    horizon: int,
    ranks: Sequence[int],
    pools: Sequence[int],
    seeds: Sequence[int],
    options: dict[str, Any],
    path: Path,
) -> pd.DataFrame:
    """Train RMLP over ranks and pool sizes; return errors, averaged over seeds."""
    settings: list[dict[str, Any]] = [
        {"rank": rank, "n_components": pool} for rank, pool in itertools.product(ranks, pools)
    ]
    chosen = list(itertools.product([{}, *settings], seeds))
    runs = []
    for setting, seed in chosen:
        method = "light-sae" if setting else "plain"
        cell = Cell(dataset.name, lookback, horizon, "rmlp", method, options | setting, seed)
        runs.append(Run(cell.key, partial(measure, cell, dataset)))
    rows = [
        {"rank": "shared", "n_components": ""} | setting | row
        for (setting, _), row in zip(chosen, complete(path, runs), strict=True)
    ]
    errors = ["parameters", "validation_mse", "test_mse"]
    frame = pd.DataFrame(rows).groupby(["rank", "n_components"], sort=False)
    return frame[errors].mean().astype({"parameters": int}).reset_index()

"""HN-MVTS beside what else its parameters can be spent on: one head each, and a wider backbone."""

import argparse
import itertools
from typing import Any

import pandas as pd

from benchmarks.backbones.rows import change, rows_of
from benchmarks.backbones.settings import WIDTHS, WINDOWS, Window, cell
from benchmarks.protocol import load
from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.network import count_parameters

WIDENED = {
    "rlinear": ("d_model", 8),
    "rmlp": ("d_model", 8),
    "tsmixer": ("d_ff", 8),
    "patchtst": ("d_model", 4),
    "itransformer": ("d_model", 8),
    "moderntcn": ("d_model", 4),
}
"""Option by which a backbone is made wider, and in what steps; DLinear and NLinear have none."""

MAX_STEPS = 500
"""Most steps of width that are tried."""


def rivals(given: argparse.Namespace) -> pd.DataFrame:
    """Train one head each, and a plain network with as many parameters as HN-MVTS has."""
    table = []
    for data, backbone in itertools.product(given.data, given.backbones):
        cells = [
            cell(data, backbone, method, given.seed)
            for method in ("plain", "hn-mvts", "individual")
        ]
        if backbone in WIDENED:
            n_channels = len(load(data, given.folder).channels)
            wider = {"backbone_kwargs": widened(backbone, WINDOWS[data], n_channels)}
            cells.append(cell(data, backbone, "plain", given.seed, **wider))
        plain, *rows = rows_of(cells, given)
        table_row = {"data": data, "backbone": backbone}
        names = ("HN-MVTS", "one each", "wider")
        for name, row in zip(names, rows, strict=False):
            if row is None or plain is None:
                continue
            parts = (change(row, plain, part) for part in ("test", "validation"))
            table_row[name] = "{} ({})".format(*parts)
            table_row[f"{name}, parameters"] = f"{int(row['parameters']):,}"
        if plain is not None:
            table_row["plain"] = f"{plain['test_mse']:.4f}"
        table.append(table_row)
    columns = ["data", "backbone", "plain"]
    columns += [f"{name}{rest}" for rest in ("", ", parameters") for name in names]
    return pd.DataFrame(table).reindex(columns=columns).fillna("")


def widened(backbone: str, window: Window, n_channels: int) -> dict[str, Any]:
    """Return options that give a plain network as many parameters as HN-MVTS has, as nearly as
    steps of the width allow."""
    options = WIDTHS.get(backbone, {})

    def count(options: dict[str, Any], parts: dict[str, dict[str, Any]]) -> int:
        network = ForecastingNetwork(
            lookback=window.lookback,
            horizon=window.horizon,
            n_channels=n_channels,
            backbone=backbone,
            backbone_kwargs=options,
            parts=parts,
        )
        return count_parameters(network)

    wanted = count(options, {"hn-mvts": {}})
    name, step = WIDENED[backbone]
    best = options
    for width in range(step, MAX_STEPS * step, step):
        tried = {**options, name: width}
        n_parameters = count(tried, {})
        if abs(n_parameters - wanted) < abs(count(best, {}) - wanted):
            best = tried
        if n_parameters > wanted:
            break
    return best

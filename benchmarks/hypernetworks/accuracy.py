"""Hypernetworks beside plain networks with as many parameters, after as many epochs."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pandas as pd

from benchmarks.cells import Cell, measure
from benchmarks.hypernetworks.comparisons import COMPARISONS, Sizes, controls
from benchmarks.protocol import load
from benchmarks.runs import Row, Run


class Budget(NamedTuple):
    """How a data set is cut into windows, and how often they are trained on."""

    lookback: int
    horizon: int
    stride: int
    batch_size: int
    n_epochs: int


# strides have no divisor in common with the steps of a day or a week, so that windows begin at all
# hours
BUDGETS = {
    "ETTh1": Budget(96, 96, 7, 16, 6),
    "exchange_rate": Budget(96, 96, 8, 16, 4),
    "weather": Budget(96, 96, 31, 16, 6),
    "los_speed": Budget(96, 12, 17, 2, 4),
}

WITHOUT = {
    ("HyperLSTM", "weather"),
    ("HyperTCN", "weather"),
    ("HyperTransformer, PatchTST", "exchange_rate"),
}
"""What is not trained, for the time that it takes."""

TRAINING: dict[str, Any] = {
    "patience": 3,
    "lr": 2e-3,
    "lr_factor": 0.5,
    "pl_trainer_kwargs": {"gradient_clip_val": 1.0},
}
"""How every network is trained: hypernetworks and plain ones, on all data."""


class Trained(NamedTuple):
    """A network of a comparison, and the cell that trains it."""

    comparison: str
    role: str
    cell: Cell


def cells(
    names: Sequence[str], datasets: Sequence[str], seeds: Sequence[int], folder: str | None
) -> Iterator[Trained]:
    """Return the cells of some comparisons, all of a seed before those of the next."""
    chosen = [(name, data) for data in datasets for name in names if (name, data) not in WITHOUT]
    n_channels = {data: len(load(data, folder).channels) for data in datasets}
    for seed in seeds:
        for name, data in chosen:
            comparison, budget = COMPARISONS[name], BUDGETS[data]
            sizes = Sizes(budget.lookback, budget.horizon, n_channels[data])
            common = TRAINING | {
                "n_epochs": comparison.times * budget.n_epochs,
                "stride": budget.stride,
                "batch_size": budget.batch_size,
            }
            options = common | comparison.options | {"backbone_kwargs": comparison.widths}
            yield Trained(
                name,
                "hypernetwork",
                Cell(data, *sizes[:2], comparison.backbone, comparison.part, options, seed),
            )
            for backbone, plain in controls(comparison, sizes):
                options = common | {"backbone_kwargs": plain}
                role = "one kernel" if backbone == "one-kernel-tcn" else "plain"
                yield Trained(name, role, Cell(data, *sizes[:2], backbone, "plain", options, seed))


def runs(trained: Sequence[Trained], folder: str | None) -> Iterator[Run]:
    """Return the training of every cell."""
    for one in trained:

        def train(cell: Cell = one.cell) -> Row:
            return measure(cell, load(cell.dataset, folder))

        yield Run(one.cell.key, train)


def table(trained: Sequence[Trained], rows: Sequence[Row | None]) -> pd.DataFrame:
    """Average over seeds, and put hypernetworks beside the plain networks."""
    frame = pd.DataFrame(
        [
            {"network": one.comparison, "data": one.cell.dataset, "role": one.role} | row
            for one, row in zip(trained, rows, strict=True)
            if row is not None
        ]
    )
    table = []
    for (name, data), group in frame.groupby(["network", "data"], sort=False):
        errors = group.groupby("role")["test_mse"].agg(["mean", "std", "count"])
        validation = group.groupby("role")["validation_mse"].mean()
        sizes = group.groupby("role")["parameters"].first()
        if "hypernetwork" not in errors.index or "plain" not in errors.index:
            continue
        for role in (role for role in ("plain", "one kernel") if role in errors.index):
            change = 100 * (errors["mean"] / errors.loc[role, "mean"] - 1)
            on_validation = 100 * (validation / validation[role] - 1)
            table.append(
                {
                    "network": name,
                    "data": data,
                    "seeds": int(errors["count"].min()),
                    "against": role,
                    "its parameters": int(sizes[role]),
                    "parameters": int(sizes["hypernetwork"]),
                    "its MSE": errors.loc[role, "mean"],
                    "MSE": errors.loc["hypernetwork", "mean"],
                    "change, %": change["hypernetwork"],
                    "on validation, %": on_validation["hypernetwork"],
                    "its deviation": errors.loc[role, "std"],
                    "deviation": errors.loc["hypernetwork", "std"],
                }
            )
    return pd.DataFrame(table)

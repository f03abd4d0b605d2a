"""Hypernetworks beside plain networks with as many parameters, after as many epochs."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import pandas as pd

from benchmarks.cells import Cell, measure
from benchmarks.hypernetworks.comparisons import COMPARISONS, Sizes, controls
from benchmarks.hypernetworks.one_kernel import ONE_KERNEL
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
                role = "one kernel" if backbone == ONE_KERNEL else "plain"
                yield Trained(name, role, Cell(data, *sizes[:2], backbone, "plain", options, seed))


def runs(trained: Sequence[Trained], folder: str | None) -> Iterator[Run]:
    """Return the training of every cell."""
    for one in trained:
        yield Run(one.cell.key, partial(_measure, one.cell, folder))


def _measure(cell: Cell, folder: str | None) -> Row:
    return measure(cell, load(cell.dataset, folder))


def table(trained: Sequence[Trained], rows: Sequence[Row | None]) -> pd.DataFrame:
    """Put the errors of hypernetworks beside those of plain networks: plain → generated, change.

    Means and deviations over the seeds that both have.
    """
    frame = pd.DataFrame(
        [
            {"network": one.comparison, "data": one.cell.dataset, "role": one.role} | row
            for one, row in zip(trained, rows, strict=True)
            if row is not None
        ]
    )
    errors = frame.pivot_table("test_mse", ["network", "data", "seed"], "role", sort=False)
    compared: dict[tuple[str, str], dict[str, str]] = {}
    for (name, data), group in errors.groupby(level=["network", "data"], sort=False):
        for role in (role for role in ("plain", "one kernel") if role in errors):
            both = group[[role, "hypernetwork"]].dropna()
            if not both.empty:
                row = compared.setdefault((name, role), {"network": name, "beside": role})
                row[data] = _change(both[role], both["hypernetwork"])
    columns = ["network", "beside", *(data for data in BUDGETS if data in set(frame["data"]))]
    return pd.DataFrame(list(compared.values()), columns=columns).fillna("")


def _change(plain: "pd.Series[float]", generated: "pd.Series[float]") -> str:
    each = [
        f"{mse.mean():.4f} ± {mse.std():.4f}".replace(" ± nan", "") for mse in (plain, generated)
    ]
    change = f"{100 * (generated.mean() / plain.mean() - 1):+.1f} %".replace("-", "\u2212")
    return f"{' → '.join(each)}, {change}"

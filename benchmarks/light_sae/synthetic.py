"""Training on synthetic channels, whose clusters are known."""

import itertools
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.metrics import adjusted_rand_score

from benchmarks.cells import Cell, train_cell
from benchmarks.light_sae.channels import KINDS, N_CLUSTERS, synthetic_channels
from benchmarks.protocol import evaluate
from benchmarks.runs import Run, complete
from hyperforecast.diagnostics import channel_clusters, gate_collapse

SYNTHETIC: dict[str, Any] = {
    "backbone_kwargs": {"d_model": 32},
    "batch_size": 64,
    "instance_norm": "none",
    "lr": 2e-3,
    "n_epochs": 40,
    "patience": 5,
}
"""Options of the networks for synthetic channels; LightSAE's pool has rank 12."""

GATES = ["gate_entropy", "load_entropy", "agreement", "agreement_any_number"]
"""What is said of the gates: their collapse, and the adjusted Rand index of their clusters and the
true ones, for the true number of clusters and for the one with the best silhouette."""


def synthetic(seeds: Sequence[int], path: Path) -> pd.DataFrame:
    """Train every method on every kind of synthetic channels; average over seeds."""
    runs = []
    for kind, method, seed in itertools.product(KINDS, ("plain", "sae-full", "light-sae"), seeds):
        options = SYNTHETIC | ({"rank": 12} if method == "light-sae" else {})
        cell = Cell(kind, 24, 6, "rmlp", method, options, seed)
        runs.append(Run(cell.key, partial(measure, cell)))
    frame = pd.DataFrame(complete(path, runs))
    errors = frame.pivot_table("test_mse", "dataset", "method", sort=False)
    errors["light-sae / plain"] = errors["light-sae"] / errors["plain"]
    gates = frame[frame["method"] == "light-sae"].set_index("dataset")[GATES]
    gates = gates.apply(pd.to_numeric).groupby(level=0).mean()
    return errors.join(gates).rename_axis("channels").reset_index()


def measure(cell: Cell) -> dict[str, Any]:
    """Train and evaluate one model on synthetic channels; return the columns of its results."""
    dataset, labels = synthetic_channels(cell.dataset, cell.seed)
    training = train_cell(cell, dataset)
    model, seconds = training.model, training.taken.wall
    error = evaluate(model.network, dataset, "test", cell.lookback, cell.horizon).mse
    row = {"test_mse": round(error, 6), "epochs": training.epochs, "seconds": round(seconds, 2)}
    gates: dict[str, float] = {}
    if cell.method == "light-sae":
        gates = gate_collapse(model).drop("specialisation").to_dict()
        if cell.dataset == "clusters":
            found = channel_clusters(model, N_CLUSTERS), channel_clusters(model)
            agreements = [float(adjusted_rand_score(labels, clusters)) for clusters in found]
            gates |= dict(zip(GATES[2:], agreements, strict=True))
    return row | {name: round(gates[name], 4) if name in gates else None for name in GATES}

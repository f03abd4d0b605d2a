"""What LightSAE's parts are good for: parameter counts, synthetic channels, rank and pool size.

    python -m benchmarks.light_sae parameters
    python -m benchmarks.light_sae synthetic --seeds 0 1 2
    python -m benchmarks.light_sae scan --data los_speed -H 12 --seeds 0

``parameters`` counts those of the paper's networks. ``synthetic`` trains on channels that are all
alike, that form clusters, and that have nothing in common, and compares the clusters of the gates
with the true ones. ``scan`` trains over ranks and pool sizes on a data set. As in
``benchmarks.accuracy``, which also has the comparison of variants on data sets (methods ``plain``,
``light-sae`` and ``sae-full``), every trained model is a row of a results file and is not trained
again.
"""

import argparse
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import adjusted_rand_score

from benchmarks.accuracy import (
    METHODS,
    append_result,
    find,
    model_arguments,
    read_results,
    run_cell,
)
from benchmarks.markdown import markdown
from benchmarks.protocol import Dataset, evaluate, load, scale, split
from benchmarks.training import train
from hyperforecast.diagnostics import channel_clusters, gate_collapse
from hyperforecast.nn import ForecastingNetwork, LowRankPool, count_parameters

RESULTS = Path(__file__).parent / "results"

VARIANTS = ("shared", "full", "light")

PAPER_CHANNELS = {"Weather": 21, "PEMS08": 170, "Electricity": 321, "PEMS07": 883}
PAPER_BACKBONES: dict[str, dict[str, Any]] = {
    "rlinear": {"d_model": 512},
    "rmlp": {"d_model": 512},
    "patchtst": {"d_model": 512, "d_ff": 512, "e_layers": 3, "n_heads": 8},
    "itransformer": {"d_model": 512, "d_ff": 512, "e_layers": 3},
}
"""Sizes of the paper's networks: windows of 96 steps, rank 25, ten components."""


def parameters(horizon: int) -> pd.DataFrame:
    """Count the parameters of the paper's networks with each embedding."""
    rows = []
    for (backbone, sizes), (data, n_channels) in itertools.product(
        PAPER_BACKBONES.items(), PAPER_CHANNELS.items()
    ):
        counts = {}
        for variant in VARIANTS:
            with torch.device("meta"):
                network = ForecastingNetwork(
                    lookback=96,
                    horizon=horizon,
                    n_channels=n_channels,
                    method="light-sae",
                    method_kwargs={"variant": variant},
                    backbone=backbone,
                    backbone_kwargs=sizes,
                )
            counts[variant] = count_parameters(network)
        biases = sum(m.bias.numel() for m in network.modules() if isinstance(m, LowRankPool))
        more = {v: 100 * (counts[v] / counts["shared"] - 1) for v in ("full", "light")}
        rows.append(
            {
                "backbone": backbone,
                "channels": f"{data}, {n_channels}",
                **counts,
                "full, % more": more["full"],
                "light, % more": more["light"],
                "without its biases": more["light"] - 100 * biases / counts["shared"],
            }
        )
    return pd.DataFrame(rows)


N_CLUSTERS = 4


def synthetic_channels(
    kind: str, seed: int, n_channels: int = 24, n_rows: int = 3000
) -> tuple[Dataset, np.ndarray]:
    """Make channels of noise-driven oscillators, and say which of them are alike.

    Parameters
    ----------
    kind : {"alike", "clusters", "unrelated"}
        All channels have the same dynamics; each has that of one of four clusters; each its own.
    seed : int
    n_channels, n_rows : int

    Returns
    -------
    Dataset
        Each channel is an autoregression of order 12 with noise of its own: channels of the same
        dynamics are alike without being correlated.
    ndarray of int, shape (C,)
        Number of each channel's dynamics.
    """
    random = np.random.default_rng(seed)
    n_dynamics = {"alike": 1, "clusters": N_CLUSTERS, "unrelated": n_channels}[kind]
    labels = np.arange(n_channels) % n_dynamics
    # characteristic roots: six damped oscillations of random frequencies
    radii = random.uniform(0.8, 0.97, size=(n_dynamics, 6))
    angles = random.uniform(0.05, np.pi, size=(n_dynamics, 6))
    roots = radii * np.exp(1j * angles)
    polynomials = [np.poly(np.concatenate([r, r.conj()])).real for r in roots]
    lags = np.stack([-polynomial[1:] for polynomial in polynomials])[labels]  # (C, 12)
    values = np.zeros((n_rows + 200, n_channels))
    noise = random.normal(size=values.shape)
    for t in range(12, len(values)):
        values[t] = (lags.T * values[t - 12 : t][::-1]).sum(axis=0) + noise[t]
    raw = values[200:]
    bounds = split(len(raw))
    names = [f"{kind} {i}" for i in range(n_channels)]
    return Dataset(kind, names, scale(raw, bounds), bounds), labels


KINDS = ("alike", "clusters", "unrelated")
SYNTHETIC: dict[str, Any] = {
    "backbone_kwargs": {"d_model": 32},
    "batch_size": 64,
    "instance_norm": "none",
    "lr": 2e-3,
    "n_epochs": 40,
    "patience": 5,
}
"""Options of the networks for synthetic channels; LightSAE's pool has rank 12."""


def synthetic(seeds: Sequence[int], path: Path) -> pd.DataFrame:
    """Train every method on every kind of synthetic channels; average over seeds."""
    rows = []
    for kind, method, seed in itertools.product(KINDS, ("plain", "sae-full", "light-sae"), seeds):
        options = SYNTHETIC | ({"rank": 12} if method == "light-sae" else {})
        cell = {
            "dataset": kind,
            "lookback": 24,
            "horizon": 6,
            "backbone": "rmlp",
            "method": method,
            "options": json.dumps(options, sort_keys=True),
            "seed": seed,
        }
        row = find(read_results(path), cell)
        if row is None:
            row = run_synthetic(cell, options)
            append_result(path, row)
            print(row, flush=True)
        rows.append(row)
    frame = pd.DataFrame(rows)
    errors = frame.pivot_table("test_mse", "dataset", "method", sort=False)
    errors["light-sae / plain"] = errors["light-sae"] / errors["plain"]
    gates = frame[frame["method"] == "light-sae"].set_index("dataset")[GATES]
    gates = gates.apply(pd.to_numeric).groupby(level=0).mean()
    return errors.join(gates).rename_axis("channels").reset_index()


GATES = ["gate_entropy", "load_entropy", "agreement", "agreement_any_number"]
"""What is said of the gates: their collapse, and the adjusted Rand index of their clusters and the
true ones, for the true number of clusters and for the one with the best silhouette."""


def run_synthetic(cell: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Train and evaluate one model on synthetic channels; return the row of results."""
    dataset, labels = synthetic_channels(cell["dataset"], cell["seed"])
    lookback, horizon = cell["lookback"], cell["horizon"]
    model_class, fixed = METHODS[cell["method"]]
    model, epochs, seconds = train(
        model_class,
        dataset,
        lookback,
        horizon,
        seed=cell["seed"],
        backbone=cell["backbone"],
        **fixed,
        **model_arguments(options),
    )
    error = evaluate(model.network, dataset, "test", lookback, horizon).mse
    row = {**cell, "test_mse": round(error, 6), "epochs": epochs, "seconds": round(seconds, 2)}
    gates: dict[str, float] = {}
    if cell["method"] == "light-sae":
        gates = gate_collapse(model).drop("specialisation").to_dict()
        if cell["dataset"] == "clusters":
            found = channel_clusters(model, N_CLUSTERS), channel_clusters(model)
            agreements = [float(adjusted_rand_score(labels, clusters)) for clusters in found]
            gates |= dict(zip(GATES[2:], agreements, strict=True))
    return row | {name: round(gates[name], 4) if name in gates else None for name in GATES}


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
    rows = []
    for setting, seed in itertools.product([{}, *settings], seeds):
        chosen = options | setting
        cell = {
            "dataset": dataset.name,
            "lookback": lookback,
            "horizon": horizon,
            "backbone": "rmlp",
            "method": "light-sae" if setting else "plain",
            "options": json.dumps(chosen, sort_keys=True),
            "seed": seed,
        }
        row = find(read_results(path), cell)
        if row is None:
            row = run_cell(dataset, cell, chosen)
            append_result(path, row)
            print(row, flush=True)
        rows.append({"rank": "shared", "n_components": ""} | setting | row)
    errors = ["parameters", "validation_mse", "test_mse"]
    frame = pd.DataFrame(rows).groupby(["rank", "n_components"], sort=False)
    return frame[errors].mean().astype({"parameters": int}).reset_index()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one of the three and print its table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["parameters", "synthetic", "scan"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--data", default="weather", help="of the scan: see benchmarks.accuracy")
    parser.add_argument("--folder", help="data folder: see benchmarks.accuracy")
    parser.add_argument("-L", "--lookback", type=int, default=96)
    parser.add_argument("-H", "--horizon", type=int, default=96)
    parser.add_argument("--ranks", nargs="+", type=int, default=[4, 10, 25, 40])
    parser.add_argument("--pools", nargs="+", type=int, default=[2, 5, 10, 20])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--width", type=int, default=128, help="d_model of the scan's RMLP")
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--patience", type=int, default=3)
    parser.add_argument(
        "--results", type=Path, help="default: light_sae_synthetic.csv or light_sae_scan.csv"
    )
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if given.what == "parameters":
        print(markdown(parameters(given.horizon), digits=3))
    elif given.what == "synthetic":
        path = given.results or RESULTS / "light_sae_synthetic.csv"
        print(markdown(synthetic(given.seeds, path), digits=3))
    else:
        options = {
            "backbone_kwargs": {"d_model": given.width},
            "batch_size": given.batch,
            "lr": given.lr,
            "lr_factor": 0.5,
            "n_epochs": given.epochs,
            "patience": given.patience,
        }
        table = scan(
            load(given.data, given.folder),
            given.lookback,
            given.horizon,
            given.ranks,
            given.pools,
            given.seeds,
            options,
            given.results or RESULTS / "light_sae_scan.csv",
        )
        print(markdown(table))


if __name__ == "__main__":
    main()

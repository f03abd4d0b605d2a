"""What LightSAE's parts are good for: parameter counts, synthetic channels, rank and pool size.

    python -m benchmarks.light_sae parameters
    python -m benchmarks.light_sae synthetic --seeds 0 1 2
    python -m benchmarks.light_sae scan --data weather --seeds 0

``parameters`` counts those of the paper's networks. ``synthetic`` trains on channels that are all
alike, that form clusters, and that have nothing in common, and compares the clusters of the gates
with the true ones. ``scan`` trains over ranks and pool sizes on a data set. The comparison of
variants on data sets is that of ``benchmarks.accuracy``: methods ``plain``, ``light-sae`` and
``sae-full``.
"""

import argparse
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import adjusted_rand_score

from benchmarks.markdown import markdown
from benchmarks.protocol import Dataset, evaluate, load, scale, split
from benchmarks.training import train
from hyperforecast.darts import LightSAEModel
from hyperforecast.diagnostics import channel_clusters, gate_collapse
from hyperforecast.nn import ForecastingNetwork, count_parameters

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
        more = {v: 100 * (counts[v] / counts["shared"] - 1) for v in ("full", "light")}
        rows.append(
            {
                "backbone": backbone,
                "channels": f"{data}, {n_channels}",
                **counts,
                "full, % more": more["full"],
                "light, % more": more["light"],
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


def synthetic(seeds: Sequence[int]) -> pd.DataFrame:
    """Train every variant on every kind of synthetic channels; average over seeds."""
    lookback, horizon = 24, 6
    rows = []
    for kind, seed in itertools.product(("alike", "clusters", "unrelated"), seeds):
        dataset, labels = synthetic_channels(kind, seed)
        row: dict[str, Any] = {"channels": kind}
        for variant in VARIANTS:
            model, _, _ = train(
                LightSAEModel,
                dataset,
                lookback,
                horizon,
                seed=seed,
                patience=5,
                variant=variant,
                **({"rank": 12} if variant == "light" else {}),
                backbone="rmlp",
                backbone_kwargs={"d_model": 32},
                instance_norm="none",
                n_epochs=40,
                batch_size=64,
                optimizer_kwargs={"lr": 2e-3},
            )
            row[variant] = evaluate(model.network, dataset, "test", lookback, horizon).mse
        row |= gate_collapse(model).to_dict()
        if kind == "clusters":
            row["agreement"] = adjusted_rand_score(labels, channel_clusters(model, N_CLUSTERS))
            row["agreement, any number"] = adjusted_rand_score(labels, channel_clusters(model))
        rows.append(row)
        print(row, flush=True)
    means = pd.DataFrame(rows).groupby("channels", sort=False).mean().reset_index()
    means.insert(4, "light / shared", means["light"] / means["shared"])
    return means


def scan(
    dataset: Dataset,
    lookback: int,
    horizon: int,
    ranks: Sequence[int],
    pools: Sequence[int],
    seeds: Sequence[int],
    **options: Any,
) -> pd.DataFrame:
    """Train over ranks and pool sizes; return validation and test errors."""
    rows = []
    settings = [(None, None), *itertools.product(ranks, pools)]
    for rank, n_components in settings:
        errors = []
        for seed in seeds:
            chosen: dict[str, Any] = (
                {"variant": "shared"}
                if rank is None
                else {"rank": rank, "n_components": n_components}
            )
            model, _, _ = train(
                LightSAEModel, dataset, lookback, horizon, seed=seed, **chosen, **options
            )
            parts = ("validation", "test")
            errors.append(
                [evaluate(model.network, dataset, p, lookback, horizon).mse for p in parts]
            )
        validation, test = np.mean(errors, axis=0)
        row = {
            "rank": "shared" if rank is None else rank,
            "n_components": "" if n_components is None else n_components,
            "parameters": count_parameters(model.network),
            "validation_mse": float(validation),
            "test_mse": float(test),
        }
        rows.append(row)
        print(row, flush=True)
    return pd.DataFrame(rows)


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
    parser.add_argument("--ranks", nargs="+", type=int, default=[1, 5, 25])
    parser.add_argument("--pools", nargs="+", type=int, default=[1, 3, 10, 20])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--width", type=int, default=128, help="d_model of the scan's RMLP")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if given.what == "parameters":
        print(markdown(parameters(given.horizon), digits=3))
    elif given.what == "synthetic":
        print(markdown(synthetic(given.seeds)))
    else:
        table = scan(
            load(given.data, given.folder),
            given.lookback,
            given.horizon,
            given.ranks,
            given.pools,
            given.seeds,
            patience=3,
            backbone="rmlp",
            backbone_kwargs={"d_model": given.width},
            batch_size=128,
            n_epochs=given.epochs,
            optimizer_kwargs={"lr": 1e-3},
        )
        print(markdown(table))


if __name__ == "__main__":
    main()

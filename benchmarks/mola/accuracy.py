"""Accuracy of MoLA beside the plain backbone, after as many epochs."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from benchmarks.mola.networks import SIZES
from benchmarks.protocol import evaluate, load
from benchmarks.runs import Row, Run
from benchmarks.training import train
from hyperforecast.darts import BackboneModel, HyperforecastModel, MoLAModel
from hyperforecast.nn import count_parameters

METHODS = ("plain", "mola")


def runs(
    data: str, folder: str | None, backbones: Sequence[str], seeds: Sequence[int], **settings: Any
) -> Iterator[Run]:
    """Return the training of every backbone, plain and with MoLA; see :func:`measure`."""
    for backbone in backbones:
        for seed in seeds:
            for method in METHODS:
                key: Row = {"data": data, "backbone": backbone, "method": method, "seed": seed}
                yield Run(key, partial(measure, folder=folder, **key, **settings))


def measure(
    data: str,
    folder: str | None,
    backbone: str,
    method: str,
    seed: int,
    *,
    lookback: int,
    horizon: int,
    epochs: int,
    options: Mapping[str, Any],
    learning_rate: float,
    stride: int,
) -> dict[str, Any]:
    """Train the plain backbone or MoLA; return its errors. MoLA's stages share the epochs.

    ``options`` are those of MoLA.
    """
    dataset = load(data, folder)
    model_class: type[HyperforecastModel] = BackboneModel
    of_method: dict[str, Any] = {"n_epochs": epochs}
    if method == "mola":
        model_class = MoLAModel
        of_method = {
            "n_base_epochs": epochs // 2,
            "n_epochs": epochs - epochs // 2,
            **options,
        }
    elif backbone == "dlinear":
        of_method["solver"] = "adam"
    network = train(
        model_class,
        dataset,
        lookback,
        horizon,
        seed=seed,
        patience=epochs,
        backbone=backbone,
        backbone_kwargs=SIZES[backbone],
        optimizer_kwargs={"lr": learning_rate},
        fit_options={"stride": stride},
        **of_method,
    ).model.network
    return {
        "validation_mse": evaluate(network, dataset, "validation", lookback, horizon).mse,
        "test_mse": evaluate(network, dataset, "test", lookback, horizon).mse,
        "parameters": count_parameters(network),
    }


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Average over seeds, and put MoLA beside the plain backbone."""
    means = results.groupby(["data", "backbone", "method"])["test_mse"].agg(["mean", "std"])
    pairs = means.unstack("method")
    seeds = results.groupby(["data", "backbone"])["seed"].nunique()
    rows = [
        {
            "data": data,
            "backbone": backbone,
            "seeds": int(seeds[data, backbone]),
            "plain": row["mean", "plain"],
            "MoLA": row["mean", "mola"],
            "change, %": 100 * (row["mean", "mola"] / row["mean", "plain"] - 1),
            "deviation, plain": row["std", "plain"],
            "deviation, MoLA": row["std", "mola"],
        }
        for (data, backbone), row in pairs.iterrows()
    ]
    return pd.DataFrame(rows)

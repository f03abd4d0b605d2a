"""A cell of a table of accuracy: one model, trained with one seed on one data set."""

import json
from typing import Any, NamedTuple

import torch

from benchmarks.protocol import Dataset, evaluate
from benchmarks.training import Training, train
from hyperforecast.darts import (
    BackboneModel,
    HNMVTSModel,
    HyperforecastModel,
    HyperLSTMModel,
    HyperModel,
    HyperTCNModel,
    HyperTransformerModel,
    LightSAEModel,
)
from hyperforecast.nn.network import count_parameters

METHODS: dict[str, tuple[type[HyperforecastModel], dict[str, Any]]] = {
    "plain": (BackboneModel, {}),
    "individual": (BackboneModel, {"individual": True}),
    "hn-mvts": (HNMVTSModel, {}),
    "light-sae": (LightSAEModel, {}),
    "sae-full": (LightSAEModel, {"variant": "full"}),
    "hyper-lstm": (HyperLSTMModel, {}),
    "hyper-kernels": (HyperTCNModel, {}),
    "hyper-attention": (HyperTransformerModel, {}),
    "dynamic": (HyperModel, {"head": "dynamic"}),
}
"""Model class of each method, and the arguments that make it that method."""


class Cell(NamedTuple):
    """What is trained; ``options`` are read by :func:`model_arguments`."""

    dataset: str
    lookback: int
    horizon: int
    backbone: str
    method: str
    options: dict[str, Any]
    seed: int

    @property
    def key(self) -> dict[str, Any]:
        """Columns that tell the cell's row from others."""
        return {**self._asdict(), "options": json.dumps(self.options, sort_keys=True)}


def model_arguments(options: dict[str, Any]) -> dict[str, Any]:
    """Turn options into arguments of the model.

    ``lr`` is the optimiser's learning rate. ``lr_factor`` is what the learning rate is multiplied
    by after every epoch that did not lower the validation loss. ``stride`` is the number of steps
    from one window of training and of validation to the next.
    """
    arguments = dict(options)
    if "lr" in arguments:
        arguments["optimizer_kwargs"] = {"lr": arguments.pop("lr")}
    if "lr_factor" in arguments:
        arguments["lr_scheduler_cls"] = torch.optim.lr_scheduler.ReduceLROnPlateau
        arguments["lr_scheduler_kwargs"] = {"factor": arguments.pop("lr_factor"), "patience": 0}
    if "stride" in arguments:
        arguments["fit_options"] = {"stride": arguments.pop("stride")}
    return arguments


def train_cell(cell: Cell, dataset: Dataset) -> Training:
    """Train the model of a cell."""
    model_class, fixed = METHODS[cell.method]
    return train(
        model_class,
        dataset,
        cell.lookback,
        cell.horizon,
        seed=cell.seed,
        backbone=cell.backbone,
        **fixed,
        **model_arguments(cell.options),
    )


def measure(cell: Cell, dataset: Dataset) -> dict[str, Any]:
    """Train and evaluate the model of a cell; return the columns of its results."""
    training = train_cell(cell, dataset)
    network, sizes = training.model.network, (cell.lookback, cell.horizon)
    validation = evaluate(network, dataset, "validation", *sizes)
    test = evaluate(network, dataset, "test", *sizes)
    return {
        "test_mse": round(test.mse, 6),
        "test_mae": round(test.mae, 6),
        "validation_mse": round(validation.mse, 6),
        "epochs": training.epochs,
        "seconds": round(training.taken.wall, 2),
        "parameters": count_parameters(network),
        "folded_parameters": count_parameters(network.fold()) if network.folds else None,
    }

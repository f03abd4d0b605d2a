"""Which solver trains a model: what was asked for, and what rules the exact one out."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from darts.utils.data import SequentialTorchTrainingDataset, TorchTrainingDataset
from darts.utils.likelihood_models.base import LikelihoodType
from torch import nn

from hyperforecast.nn.backbones import linear_backbones
from hyperforecast.nn.errors import unknown_name
from hyperforecast.nn.exact import LINEAR_NORMS, ExactOptions
from hyperforecast.nn.parts import make_parts

logger = logging.getLogger(__name__)

SOLVERS = ("auto", "exact", "adam")

GRADIENT_OPTIONS = (
    "n_epochs",
    "optimizer_cls",
    "optimizer_kwargs",
    "lr_scheduler_cls",
    "lr_scheduler_kwargs",
    "torch_metrics",
    "nr_epochs_val_period",
    "save_checkpoints",
    "log_tensorboard",
    "enable_finetuning",
)
"""Arguments of a Darts model that only training by gradients uses."""

DEVICE_OPTIONS = {
    "accelerator",
    "devices",
    "enable_checkpointing",
    "enable_model_summary",
    "enable_progress_bar",
    "logger",
    "precision",
}
"""Arguments of Lightning's trainer that do not ask for training by gradients."""


def check_solver(solver: str, solver_kwargs: dict[str, Any] | None) -> None:
    """Raise if ``solver`` is unknown or ``solver_kwargs`` has an option that it would ignore."""
    if solver not in SOLVERS:
        raise ValueError(unknown_name("solver", solver, SOLVERS))
    if solver_kwargs and solver == "adam":
        raise ValueError(
            "solver_kwargs are options of the exact solver; with solver='adam' they would be "
            "ignored. Leave them out, or choose solver='exact' or 'auto'."
        )
    known = [field.name for field in fields(ExactOptions)]
    for option in solver_kwargs or {}:
        if option not in known:
            raise ValueError(unknown_name("option in solver_kwargs", option, known))
    ExactOptions(**(solver_kwargs or {}))


def model_obstacle(params: Mapping[str, Any], parts: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return what about a model's arguments and its parts rules the exact solver out, if any."""
    linear = linear_backbones()
    if params["backbone"] not in linear:
        return f"backbone={params['backbone']!r} is not linear (these are: {', '.join(linear)})"
    for part in make_parts(parts).values():
        if (obstacle := part.obstacle()) is not None:
            return obstacle
    norm = params.get("instance_norm")
    if norm is not None and norm not in LINEAR_NORMS:
        return f"instance_norm={norm!r} has weights of its own (without: {', '.join(LINEAR_NORMS)})"
    if params.get("use_reversible_instance_norm"):
        return "use_reversible_instance_norm has weights of its own (use instance_norm='revin')"
    likelihood = params.get("likelihood")
    if likelihood is not None and likelihood.type is not LikelihoodType.Quantile:
        return f"the likelihood {type(likelihood).__name__} has no closed form (quantiles do)"
    loss = params.get("loss_fn")
    if loss is not None and not (isinstance(loss, nn.MSELoss) and loss.reduction == "mean"):
        return f"loss_fn={loss!r} is not the mean squared error"
    return None


def gradient_options(params: Mapping[str, Any]) -> list[str]:
    """Return the arguments by which a model was told how to train by gradients."""
    told = [option for option in GRADIENT_OPTIONS if params.get(option) not in (None, False)]
    trainer = params.get("pl_trainer_kwargs") or {}
    return told + [f"pl_trainer_kwargs[{key!r}]" for key in trainer if key not in DEVICE_OPTIONS]


def data_obstacle(dataset: TorchTrainingDataset) -> str | None:
    """Return what about a training dataset rules the exact solver out, or ``None``."""
    if type(dataset) is not SequentialTorchTrainingDataset:
        return f"a {type(dataset).__name__} does not keep its series"
    if dataset.sample_weight is not None:
        return "sample weights are not supported"
    if dataset.stride != 1:
        return f"windows with a stride of {dataset.stride} do not overlap evenly"
    return None


def solves_exactly(
    params: Mapping[str, Any],
    parts: Mapping[str, Mapping[str, Any]],
    datasets: Iterable[TorchTrainingDataset | None],
    told: Sequence[str],
) -> bool:
    """Decide by which solver to train, and say so.

    Parameters
    ----------
    params : mapping
        Arguments of the Darts model.
    parts : mapping
        Names and options of the network's parts.
    datasets : iterable of TorchTrainingDataset
        To train on, and to validate on.
    told : sequence of str
        What else than arguments asked for training by gradients.

    Raises
    ------
    ValueError
        If the exact solver was asked for, and cannot train the model.
    """
    solver = params.get("solver", "adam")
    if solver == "adam":
        return False
    obstacle = model_obstacle(params, parts)
    for dataset in datasets:
        if obstacle is None and dataset is not None:
            obstacle = data_obstacle(dataset)
    told = [*gradient_options(params), *told]
    if solver == "exact":
        if obstacle is not None:
            raise ValueError(cannot_solve(obstacle))
        if told:
            logger.info("The exact solver does not use %s.", ", ".join(told))
        return True
    if obstacle is None and told:
        obstacle = f"{', '.join(told)} says how to train by gradients"
    if obstacle is not None:
        logger.info("Training by gradients: %s.", obstacle)
    return obstacle is None


def cannot_solve(obstacle: str) -> str:
    """Say that a model cannot be trained by the exact solver."""
    return (
        f"solver='exact' cannot train this model: {obstacle}. Choose solver='adam', or 'auto' to "
        "solve exactly where that is possible."
    )

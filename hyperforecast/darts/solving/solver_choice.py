"""Which solver trains a model: what was asked for, and what rules the exact one out."""

import inspect
import logging
from collections.abc import Iterator, Mapping, Sequence, Sized
from dataclasses import fields
from typing import Any

import numpy as np
import pytorch_lightning as pl
from darts.utils.data import SequentialTorchTrainingDataset, TorchTrainingDataset
from darts.utils.likelihood_models.base import LikelihoodType
from pytorch_lightning import callbacks
from torch import nn

from hyperforecast.darts.inputs.gaps import GappyTrainingDataset
from hyperforecast.darts.inputs.series_numbers import NumberedTraining
from hyperforecast.nn.backbones import linear_backbones
from hyperforecast.nn.errors import unknown_name
from hyperforecast.nn.exact import LINEAR_NORMS, ExactOptions
from hyperforecast.nn.parts import make_parts
from hyperforecast.nn.solved_head import HeadOptions

logger = logging.getLogger(__name__)

HEAD_SOLVER = "adam+exact"
"""The solver by which gradients train a network, and its head is solved for afterwards."""

SOLVERS = ("auto", "exact", "adam", HEAD_SOLVER)

KEEPING_SERIES = (SequentialTorchTrainingDataset, GappyTrainingDataset, NumberedTraining)
"""Datasets whose series the exact solver takes as they are."""

GRADIENT_OPTIONS: dict[str, Any] = {
    "n_epochs": None,
    "optimizer_cls": None,
    "optimizer_kwargs": None,
    "generator_lr": None,
    "lr_scheduler_cls": None,
    "lr_scheduler_kwargs": None,
    "nr_epochs_val_period": 1,
    "enable_finetuning": None,
}
"""Arguments of a Darts model that only training by gradients uses, and their defaults."""

GRADIENT_TRAINER_OPTIONS = (
    "max_epochs",
    "min_epochs",
    "max_steps",
    "min_steps",
    "max_time",
    "fast_dev_run",
    "overfit_batches",
    "limit_train_batches",
    "val_check_interval",
    "check_val_every_n_epoch",
    "accumulate_grad_batches",
    "gradient_clip_val",
    "gradient_clip_algorithm",
    "reload_dataloaders_every_n_epochs",
)
"""Arguments of Lightning's trainer that ask for epochs of gradients; all others do not."""

GRADIENT_CALLBACKS = (
    callbacks.BaseFinetuning,
    callbacks.BatchSizeFinder,
    callbacks.EarlyStopping,
    callbacks.GradientAccumulationScheduler,
    callbacks.LearningRateFinder,
    callbacks.LearningRateMonitor,
    callbacks.ModelPruning,
    callbacks.StochasticWeightAveraging,
    callbacks.Timer,
    callbacks.WeightAveraging,
)
"""Lightning's callbacks that steer epochs of gradients or watch their steps."""

GRADIENT_HOOKS = (
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
    "on_before_zero_grad",
)
"""Hooks that a callback has only to see gradients."""

RESUMED = "a checkpoint to resume from"
"""What asks for gradients where a model was loaded in the middle of training by them."""

_ASKING_FOR_EPOCHS = {
    "n_epochs",
    "epochs",
    "trainer",
    RESUMED,
    *(f"pl_trainer_kwargs[{name!r}]" for name in ("max_epochs", "max_steps", "max_time")),
}
"""What asks for epochs, and so for gradients, in so many words."""

_warned: set[str] = set()
"""What was said at level WARNING already: each cause is said once."""


def check_solver(solver: str, solver_kwargs: dict[str, Any] | None) -> None:
    """Raise if ``solver`` is unknown or ``solver_kwargs`` has an option that it would ignore."""
    if solver not in SOLVERS:
        raise ValueError(unknown_name("solver", solver, SOLVERS))
    if solver_kwargs and solver == "adam":
        raise ValueError(
            "solver_kwargs are options of the exact solver; with solver='adam' they would be "
            "ignored. Leave them out, or choose another solver."
        )
    options = HeadOptions if solver == HEAD_SOLVER else ExactOptions
    known = [field.name for field in fields(options)]
    for option in solver_kwargs or {}:
        if option not in known:
            raise ValueError(unknown_name("option in solver_kwargs", option, known))
    options(**(solver_kwargs or {}))


def network_obstacle(
    params: Mapping[str, Any], parts: Mapping[str, Mapping[str, Any]]
) -> str | None:
    """Return what of a network is not linear in its weights, if anything is."""
    linear = linear_backbones()
    if params["backbone"] not in linear:
        return f"backbone={params['backbone']!r} is not linear (these are: {', '.join(linear)})"
    obstacles = (part.obstacle() for part in make_parts(parts).values())
    obstacle = next((obstacle for obstacle in obstacles if obstacle is not None), None)
    if obstacle is None and params.get("individual_covariates"):
        return "individual_covariates=True beside a head that all share is solved by gradients"
    return obstacle


def objective_obstacle(params: Mapping[str, Any]) -> str | None:
    """Return what about norm, likelihood or loss rules the exact solver out, if anything does."""
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


def exact_problems(
    params: Mapping[str, Any], parts: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """Say what is wrong with arguments of a model that is to be solved exactly."""
    obstacle = network_obstacle(params, parts) or objective_obstacle(params)
    if obstacle is not None:
        yield cannot_solve(obstacle)
    if told := gradient_options(params):
        yield without_effect(told)


def gradient_options(params: Mapping[str, Any]) -> list[str]:
    """Return the arguments by which a model was told how to train by gradients.

    Values that say nothing, ``None``, a default or an empty collection, do not count.
    """
    told = [name for name, default in GRADIENT_OPTIONS.items() if _says(params.get(name), default)]
    trainer = params.get("pl_trainer_kwargs") or {}
    defaults = inspect.signature(pl.Trainer).parameters
    told += [
        f"pl_trainer_kwargs[{name!r}]"
        for name in GRADIENT_TRAINER_OPTIONS
        if _says(trainer.get(name), defaults[name].default)
    ]
    return told + [
        f"the callback {type(callback).__name__}"
        for callback in trainer.get("callbacks") or ()
        if _is_about_gradients(callback)
    ]


def _says(value: Any, default: Any) -> bool:
    if value is None or (isinstance(value, Sized) and not len(value)):
        return False
    return default is None or value != default  # 0 epochs are as much of a wish as 100


def _is_about_gradients(callback: Any) -> bool:
    hooks = (getattr(type(callback), name, None) for name in GRADIENT_HOOKS)
    plain = (getattr(pl.Callback, name) for name in GRADIENT_HOOKS)
    own = any(
        hook is not None and hook is not base for hook, base in zip(hooks, plain, strict=True)
    )
    return own or isinstance(callback, GRADIENT_CALLBACKS)


def data_obstacle(dataset: TorchTrainingDataset) -> str | None:
    """Return what about a dataset rules the exact solver out, or ``None``."""
    if type(dataset) not in KEEPING_SERIES:
        return f"a {type(dataset).__name__} does not keep its series"
    return None


def _series_obstacle(params: Mapping[str, Any], dataset: TorchTrainingDataset) -> str | None:
    """Return what rules out the closed form of weights that are a series', if anything does."""
    if not isinstance(dataset, NumberedTraining) or params.get("weights_by") != "series":
        return None
    values = (dataset.static_values(number) for number in range(len(dataset.series)))
    if any(one is not None and len(np.unique(one, axis=0)) > 1 for one in values):
        return (
            "static covariates differ between components of a series, which share their weights "
            "(weights_by='both' tells them apart)"
        )
    return None


def validation_obstacle(dataset: TorchTrainingDataset) -> str | None:
    """Return what about a dataset to validate on rules the exact solver out, or ``None``."""
    if getattr(dataset, "sample_weight", None) is not None:
        return (
            "val_sample_weight has no closed form: settings are compared by windows that all "
            "count the same"
        )
    return data_obstacle(dataset)


def solves_exactly(
    params: Mapping[str, Any],
    parts: Mapping[str, Mapping[str, Any]],
    dataset: TorchTrainingDataset,
    validation: TorchTrainingDataset | None,
    told: Sequence[str],
) -> bool:
    """Decide by which solver to train, and say so.

    Parameters
    ----------
    params : mapping
        Arguments of the Darts model.
    parts : mapping
        Names and options of the network's parts.
    dataset, validation : TorchTrainingDataset
        To train on, and to validate on.
    told : sequence of str
        What else than arguments asked for training by gradients: arguments of ``fit``, or
        :data:`RESUMED`.

    Raises
    ------
    ValueError
        If the exact solver was asked for, and cannot train the model.
    """
    solver = params.get("solver", "adam")
    if solver in ("adam", HEAD_SOLVER):
        return False
    nonlinear = network_obstacle(params, parts)
    obstacle = nonlinear or objective_obstacle(params)
    obstacle = obstacle or data_obstacle(dataset) or _series_obstacle(params, dataset)
    if validation is not None:
        obstacle = obstacle or validation_obstacle(validation)
    if solver == "exact":
        if obstacle is not None:
            raise ValueError(cannot_solve(obstacle))
        if told := [*gradient_options(params), *(one for one in told if one == "epochs")]:
            raise ValueError(without_effect(told))
        return True
    told = [*gradient_options(params), *told]
    asked = not _ASKING_FOR_EPOCHS.isdisjoint(told)
    if obstacle is None and told:
        obstacle = f"{', '.join(told)} says how to train by gradients"
    if obstacle is not None:
        _say_gradients(obstacle, expected=asked or nonlinear is not None)
    return obstacle is None


def _say_gradients(obstacle: str, expected: bool) -> None:
    """Log why gradients train: visibly, once for each cause, where that comes as a surprise."""
    level = logging.INFO if expected or obstacle in _warned else logging.WARNING
    if not expected:
        _warned.add(obstacle)
    logger.log(
        level,
        "Training by gradients: %s. solver='adam' says so yourself, solver='exact' insists on the "
        "closed form.",
        obstacle,
    )


def cannot_solve(obstacle: str) -> str:
    """Say that a model cannot be trained by the exact solver."""
    return (
        f"solver='exact' cannot train this model: {obstacle}. Choose solver='adam', or 'auto' to "
        "solve exactly where that is possible."
    )


def without_effect(told: Sequence[str]) -> str:
    """Say that options of training by gradients have no effect on the exact solver."""
    return (
        f"{', '.join(told)} would have no effect with solver='exact', which takes no steps along "
        "gradients. Leave that out, or choose solver='adam'."
    )

"""Which solver trains a model: what was asked for, and what rules the exact one out."""

from dataclasses import fields
from typing import Any

from darts.utils.data import SequentialTorchTrainingDataset, TorchTrainingDataset
from darts.utils.likelihood_models.base import LikelihoodType
from torch import nn

from hyperforecast.nn.backbones import BACKBONES, Backbone
from hyperforecast.nn.errors import unknown_name
from hyperforecast.nn.exact import LINEAR_NORMS, ExactOptions

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
    for option in solver_kwargs or {}:
        known = [field.name for field in fields(ExactOptions)]
        if option not in known:
            raise ValueError(unknown_name("option in solver_kwargs", option, known))
    ExactOptions(**(solver_kwargs or {}))


def model_obstacle(params: dict[str, Any]) -> str | None:
    """Return what about a model's arguments rules the exact solver out, or ``None``."""
    backbone = BACKBONES[params["backbone"]]
    if backbone.head_of_linear_map is Backbone.head_of_linear_map:
        linear = [
            name
            for name, one in BACKBONES.items()
            if one.head_of_linear_map is not Backbone.head_of_linear_map
        ]
        return f"backbone={params['backbone']!r} is not linear (these are: {', '.join(linear)})"
    if params.get("hyper_hidden"):
        return "a hypernetwork with hyper_hidden layers is not linear in its weights"
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


def gradient_options(params: dict[str, Any]) -> list[str]:
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

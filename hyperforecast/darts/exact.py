"""The exact solver inside Darts: when it can train a model, and how."""

import logging
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from darts import TimeSeries
from darts.utils.data import SequentialTorchTrainingDataset, TorchTrainingDataset
from darts.utils.likelihood_models.base import LikelihoodType
from darts.utils.utils import n_steps_between
from torch import Tensor, nn

from hyperforecast.darts.module import ForecastingModule
from hyperforecast.nn.backbones import BACKBONES, Backbone
from hyperforecast.nn.errors import unknown_name
from hyperforecast.nn.exact import (
    LINEAR_NORMS,
    ExactOptions,
    ExactSolution,
    MomentHistory,
    Panel,
    Problem,
    solve_exact,
    solved_arguments,
    solved_network,
)

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

EMBEDDING_DIMS = (0, 2, 4, 8)
FACTOR_COUNTS = (0, 5, 10)
CHANNELS_OF_A_FACTOR = 4
"""Number of channels for each factor from which factors take part unasked."""

MAX_INDIVIDUAL = 32
"""Number of channels up to which weights of each channel's own take part unasked."""


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


def train_exactly(
    module: ForecastingModule,
    params: dict[str, Any],
    dataset: SequentialTorchTrainingDataset,
    validation: SequentialTorchTrainingDataset | None,
    device: torch.device,
    history: MomentHistory | None = None,
) -> ExactSolution:
    """Solve for the weights of a module and put them into its network.

    Parameters
    ----------
    module : ForecastingModule
        Its network is replaced by one with the settings that the solver chose.
    params : dict
        Arguments of the Darts model.
    dataset, validation : SequentialTorchTrainingDataset
    device : torch.device
        Where to compute, in float64.
    history : MomentHistory, optional
        Shared with other models that are fitted on overlapping windows.

    Returns
    -------
    ExactSolution
    """
    panels = panels_of(dataset, device, history)
    solution = solve_exact(
        _problem(params, panels[0].target.shape[1]),
        panels,
        None if validation is None else panels_of(validation, device, history),
        ExactOptions(**(params["solver_kwargs"] or {})),
        history,
    )
    like = next(module.network.parameters())
    network = solved_network(module.network_arguments, solution)
    module.network = network.to(like.device).train(module.training)
    # Lightning makes a module double only when it is run, and files are read in its precision
    module.to(torch.float64 if dataset.series[0].dtype == np.float64 else like.dtype)
    module.network_arguments = solved_arguments(module.network_arguments, solution)
    setting = solution.setting
    logger.info(
        "Trained by the exact solver: instance_norm=%r, %s, n_factors=%d, ridge=%.1e.",
        setting.norm,
        "a head for each channel"
        if setting.individual
        else f"channel_embedding_dim={setting.embedding_dim}",
        setting.n_factors,
        setting.ridge,
    )
    return solution


def _problem(params: dict[str, Any], n_channels: int) -> Problem:
    """Say what is to be solved and which settings are in the race."""
    norm = params["instance_norm"]
    if norm is None:
        default = BACKBONES[params["backbone"]].default_instance_norm
        norms = (default, *(n for n in ("none", "last", "mean") if n != default))
    else:
        norms = (norm,)

    dims: tuple[int, ...] = (n_channels,) if params.get("individual") else (0,)
    asked = params.get("channel_embedding_dim")
    if "channel_embedding_dim" in params and n_channels > 1:
        if asked is not None:
            dims = (0, asked) if asked else (0,)
        else:
            dims = tuple(dim for dim in EMBEDDING_DIMS if dim < n_channels)
            dims += (n_channels,) if n_channels <= MAX_INDIVIDUAL else ()

    n_factors = params["n_factors"]
    if n_factors is not None:
        factors: tuple[int, ...] = (0, n_factors) if n_factors else (0,)
    elif norms == ("revin",):
        factors = (0,)  # would be computed window by window
    else:
        factors = tuple(k for k in FACTOR_COUNTS if CHANNELS_OF_A_FACTOR * k <= n_channels)
    likelihood = params.get("likelihood")
    return Problem(
        lookback=params["input_chunk_length"],
        horizon=params["output_chunk_length"],
        shift=params["output_chunk_shift"],
        norms=norms,
        embedding_dims=dims,
        n_factors=factors,
        dims_are_asked_for=asked is not None,
        factors_are_asked_for=n_factors is not None,
        quantiles=() if likelihood is None else tuple(likelihood.quantiles),
    )


def panels_of(
    dataset: SequentialTorchTrainingDataset,
    device: torch.device,
    history: MomentHistory | None = None,
) -> list[Panel]:
    """Return the series of a dataset, with their covariates over the same rows."""
    width = dataset.size_of_both_chunks
    panels = []
    for i, series in enumerate(dataset.series):
        if len(series) < width:
            continue
        first = max(0, len(series) - width + 1 - dataset.max_samples_per_ts)
        series = series[first:]
        past, future = (
            None if covariates is None else covariates[i]
            for covariates in (dataset.past_covariates, dataset.future_covariates)
        )
        # past covariates are seen in the lookback alone, and need not reach beyond the last one
        beyond = width - dataset.input_chunk_length
        known_past = [
            _rows(one, series, name, missing)
            for one, name, missing in (
                (past, "past_covariates", beyond),
                (future, "future_covariates", 0),
            )
            if one is not None
        ]
        static = None
        if dataset.uses_static_covariates_covariates:
            values = series.static_covariates_values(copy=False)
            static = _tensor(np.broadcast_to(values, (series.n_components, values.shape[1])))
        start = None
        if history is not None:
            history.origin = series.start_time() if history.origin is None else history.origin
            start = n_steps_between(series.start_time(), history.origin, series.freq)
        panel = Panel(
            target=_tensor(series.values(copy=False)),
            past=torch.cat(known_past, dim=1) if known_past else None,
            future=None if future is None else known_past[-1],
            static=static,
            start=start,
        )
        panels.append(panel.to(device))
    return panels


def _rows(covariates: TimeSeries, series: TimeSeries, name: str, missing: int) -> Tensor:
    """Return the rows of covariates at a series' times, up to ``missing`` at the end as zero."""
    skip = n_steps_between(series.start_time(), covariates.start_time(), series.freq)
    values = covariates.values(copy=False)[max(skip, 0) : skip + len(series)]
    if skip < 0 or len(values) < len(series) - missing:
        raise ValueError(
            f"`{name}` must cover the series that they belong to, from {series.start_time()} to "
            f"{series.end_time()}; they reach from {covariates.start_time()} to "
            f"{covariates.end_time()}."
        )
    rows = _tensor(values)
    return nn.functional.pad(rows, (0, 0, 0, len(series) - len(rows)))


def _tensor(values: Any) -> Tensor:
    return torch.as_tensor(np.asarray(values, dtype=np.float64))


def report(solution: ExactSolution) -> list[dict[str, Any]]:
    """Return the race as plain values, a row for each setting compared."""
    return [
        {
            "instance_norm": entry.setting.norm,
            "channel_embedding_dim": entry.setting.embedding_dim,
            "individual": entry.setting.individual,
            "n_factors": entry.setting.n_factors,
            "ridge": entry.setting.ridge,
            "validation_mse": entry.validation_mse,
            "chosen": entry.chosen,
        }
        for entry in solution.race
    ]

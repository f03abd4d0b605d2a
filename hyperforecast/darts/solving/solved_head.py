"""Heads that are solved for once gradients have trained a network."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import torch
from darts.utils.data import SequentialTorchTrainingDataset, TorchTrainingDataset
from darts.utils.data.torch_datasets._data_module import TorchDataModule
from darts.utils.likelihood_models.base import LikelihoodType
from darts.utils.likelihood_models.torch import TorchLikelihood
from torch import nn
from torch.utils.data import Subset

from hyperforecast.darts.centred_quantiles import CentredQuantiles
from hyperforecast.darts.inputs.observed_series import observed_series
from hyperforecast.darts.module import ForecastingModule, use_monte_carlo_dropout
from hyperforecast.darts.solving.exact import all_alike, float64_device, without_equal_weights
from hyperforecast.darts.solving.solver_choice import (
    HEAD_SOLVER,
    data_obstacle,
    validation_obstacle,
)
from hyperforecast.darts.training.random_turns import turn_lent
from hyperforecast.nn.exact import Problem
from hyperforecast.nn.exact.choice.late import IsLate, never
from hyperforecast.nn.exact.solver import MIN_HELD_OUT
from hyperforecast.nn.exact.splits.hold_out import hold_out
from hyperforecast.nn.parts import make_parts
from hyperforecast.nn.solved_head import HeadOptions, solve_head

logger = logging.getLogger(__name__)


def head_problems(params: Mapping[str, Any]) -> Iterator[str]:
    """Say what is wrong with arguments of a model whose head is to be solved for."""
    likelihood, loss = params.get("likelihood"), params.get("loss_fn")
    if likelihood is not None and likelihood.type is not LikelihoodType.Quantile:
        yield cannot_solve(
            f"the likelihood {type(likelihood).__name__} has other outputs than a forecast and "
            "quantiles around it"
        )
    elif loss is not None and not (isinstance(loss, nn.MSELoss) and loss.reduction == "mean"):
        yield cannot_solve(f"loss_fn={loss!r} is not the mean squared error")
    if params.get("weights_by", "channel") != "channel":
        yield cannot_solve(
            f"weights_by={params['weights_by']!r}, of which the exact solver and gradients know "
            "alone"
        )
    if params.get("use_reversible_instance_norm"):
        yield cannot_solve(
            "use_reversible_instance_norm normalises outside of the network (use "
            "instance_norm='revin')"
        )
    held_still = params.get("enable_finetuning")
    if held_still is not None and held_still is not True:
        yield cannot_solve(f"enable_finetuning={held_still!r} says which weights are held still")


def point_head(params: Mapping[str, Any], likelihood: TorchLikelihood | None) -> dict[str, Any]:
    """Return the arguments of a network whose head gives a point forecast, if that is solved for.

    Quantiles lie around it.
    """
    if params.get("solver") != HEAD_SOLVER or likelihood is None:
        return {}
    return {"point_head": True, "channel_offsets": True}


def cannot_solve(obstacle: str) -> str:
    """Say that the head of a model cannot be solved for."""
    return (
        f"solver={HEAD_SOLVER!r} cannot solve for the head of this model: {obstacle}. Leave that "
        "out, or choose solver='adam'."
    )


def check_head_data(dataset: TorchTrainingDataset, validation: TorchTrainingDataset | None) -> None:
    """Raise if a head cannot be solved for on the windows of some datasets.

    Raises
    ------
    ValueError
        If they do not keep their series, or their windows or steps have weights.
    """
    obstacle = data_obstacle(dataset)
    if obstacle is None and validation is not None:
        obstacle = validation_obstacle(validation)
    if obstacle is None:
        assert isinstance(dataset, SequentialTorchTrainingDataset)
        series = without_equal_weights(observed_series(dataset, torch.device("cpu")))
        if any(one.weight is not None for one in series):
            obstacle = "sample_weight makes the steps of a window count differently"
    if obstacle is not None:
        raise ValueError(cannot_solve(obstacle))


@contextmanager
def held_back(datamodule: TorchDataModule, params: Mapping[str, Any]) -> Iterator[None]:
    """Let gradients see no window whose steps the head is going to be chosen by.

    Without validation series these are the last ones of each training series. The head is solved
    on all windows in the end.
    """
    dataset = datamodule.train_dataset
    assert isinstance(dataset, SequentialTorchTrainingDataset)
    if datamodule.val_dataset is None:
        size = HeadOptions(**(params["solver_kwargs"] or {})).validation_size
        datamodule.train_dataset = _earlier_windows(dataset, size)
    try:
        yield
    finally:
        datamodule.train_dataset = dataset


def _earlier_windows(dataset: SequentialTorchTrainingDataset, size: float) -> Any:
    """Return a dataset without the windows that reach into the last part of each series."""
    lookback, n_steps = dataset.input_chunk_length, dataset.output_chunk_length
    problem = Problem(lookback, n_steps, dataset.shift - lookback)
    stride, n_samples = dataset.stride, dataset.max_samples_per_ts
    observed = observed_series(dataset, torch.device("cpu"))
    if len(observed) < len(dataset.series):
        return dataset  # a series that is too short, as Darts says
    kept: list[int] = []
    total = 0
    for number, (series, one) in enumerate(zip(dataset.series, observed, strict=True)):
        ((_, validation),) = hold_out(problem, [one], size)
        n_held_out = sum(len(held.target) - problem.width + 1 for held in validation)
        total += n_held_out
        behind = n_held_out + n_steps - 1 if n_held_out else 0
        # samples of a series begin with its last window, and those of a short one are repeated
        n_distinct = -(-(len(series) - problem.width + 1) // stride)
        kept += [
            number * n_samples + sample
            for sample in range(n_samples)
            if sample % n_distinct * stride >= behind
        ]
    return Subset(dataset, kept) if kept and total >= MIN_HELD_OUT else dataset


def solve_trained_head(
    module: ForecastingModule,
    params: Mapping[str, Any],
    parts: Mapping[str, Mapping[str, Any]],
    dataset: TorchTrainingDataset,
    validation: TorchTrainingDataset | None,
    device: torch.device,
    selected: float | None = None,
    is_late: IsLate = never,
) -> list[dict[str, Any]]:
    """Solve for the head of a trained module, and return what was compared, a row for each.

    Parameters
    ----------
    module : ForecastingModule
        Its network is changed, and replaced where the channels' vectors have another length.
    params, parts : mapping
        Arguments of the Darts model, and the parts that they name.
    dataset, validation : TorchTrainingDataset
    device : torch.device
        Where features are made; equations are solved there, too, if it computes in float64.
    selected : float, optional
        Ridge by which the head is solved for once more; nothing is compared then.
    is_late : callable, optional
        Says whether the time to compare is over.
    """
    assert isinstance(dataset, SequentialTorchTrainingDataset)
    likelihood = module.likelihood
    cpu = torch.device("cpu")
    series = observed_series(dataset, cpu)
    held_out = None
    if validation is not None:
        assert isinstance(validation, SequentialTorchTrainingDataset)
        held_out = all_alike(observed_series(validation, cpu))
    home = next(module.network.parameters()).device
    with turn_lent():  # solving draws no random numbers
        solved = solve_head(
            module.single_network.to(device),
            module.network_arguments,
            series,
            held_out,
            HeadOptions(**(params["solver_kwargs"] or {})),
            shift=params["output_chunk_shift"],
            requested=_requested_dim(parts),
            selected=selected,
            levels=() if likelihood is None else tuple(likelihood.quantiles),
            centred=isinstance(likelihood, CentredQuantiles),
            device=float64_device(device),
            is_late=is_late,
        )
    module.network = solved.network.to(home)
    use_monte_carlo_dropout(module.network)
    module.network_arguments = solved.arguments
    report = [
        {"channel_embedding_dim": row.pop("embedding_dim"), **row}
        for row in map(asdict, solved.compared)
    ]
    if report:
        last = [row for row in report if row["chosen"]][-1]
        logger.info(
            "Solved for the head: validation error %.4g by gradients, %.4g with %s and ridge=%.1e.",
            report[0]["validation_mse"],
            last["validation_mse"],
            "a head for each channel"
            if last["individual"]
            else f"channel_embedding_dim={last['channel_embedding_dim']}",
            last["ridge"],
        )
    return report


def _requested_dim(parts: Mapping[str, Mapping[str, Any]]) -> int | None:
    """Return the length of the channels' vectors that was asked for, if any was."""
    for name, part in make_parts(parts).items():
        if part.slot == "head" and part.obstacle() is None:
            return part.closed_form(name).embedding_dim
    return None

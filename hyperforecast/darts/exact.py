"""The exact solver inside Darts: a module trained by it, and its report."""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from darts.utils.data import SequentialTorchTrainingDataset

from hyperforecast.darts.module import ForecastingModule
from hyperforecast.darts.observed_series import observed_series
from hyperforecast.nn.backbones import default_instance_norm
from hyperforecast.nn.exact import (
    ExactOptions,
    ExactSolution,
    MomentHistory,
    Problem,
    choose_search_space,
    solve_exact,
    solved_arguments,
    solved_network,
)
from hyperforecast.nn.parts import Part, closed_form_of_head

logger = logging.getLogger(__name__)


def train_exactly(
    module: ForecastingModule,
    params: dict[str, Any],
    dataset: SequentialTorchTrainingDataset,
    validation: SequentialTorchTrainingDataset | None,
    device: torch.device,
    history: MomentHistory | None = None,
) -> ExactSolution:
    """Solve for the weights of a module and write them into its network.

    Parameters
    ----------
    module : ForecastingModule
        Its network is replaced by one with the settings that the solver chose.
    params : dict
        Arguments of the Darts model.
    dataset, validation : SequentialTorchTrainingDataset
    device : torch.device
        Where to compute, in float64; the CPU computes for one that does not know it.
    history : MomentHistory, optional
        Shared with other models that are fitted on overlapping windows.

    Returns
    -------
    ExactSolution
    """
    device = float64_device(device)
    series = observed_series(dataset, device, history)
    solution = solve_exact(
        _problem(params, module.network.parts, series[0].n_channels),
        series,
        None if validation is None else observed_series(validation, device, history),
        ExactOptions(**(params["solver_kwargs"] or {})),
        history,
    )
    like = next(module.network.parameters())
    network = solved_network(module.network_arguments, solution)
    # Lightning makes a module double only when it is run, and files are read in its precision
    dtype = torch.float64 if dataset.series[0].dtype == np.float64 else like.dtype
    # in this order: a device may not know the precision that the network was solved in
    module.network = network.to(dtype).to(like.device).train(module.training)
    module.to(dtype)
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


def float64_device(device: torch.device) -> torch.device:
    """Return a device if it computes in float64, else the CPU: Apple's MPS does not."""
    try:
        torch.zeros(1, dtype=torch.float64, device=device)
    except TypeError:
        return torch.device("cpu")
    return device


def _problem(params: dict[str, Any], parts: Mapping[str, Part], n_channels: int) -> Problem:
    """Say what a model's arguments ask to be solved."""
    likelihood = params.get("likelihood")
    closed_form = closed_form_of_head(parts)
    return Problem(
        lookback=params["input_chunk_length"],
        horizon=params["output_chunk_length"],
        shift=params["output_chunk_shift"],
        search=choose_search_space(
            n_channels,
            default_instance_norm(params["backbone"]),
            norm=params["instance_norm"],
            generated=closed_form.channel_weights == "generated",
            embedding_dim=closed_form.embedding_dim,
            individual=closed_form.channel_weights == "individual",
            n_factors=params["n_factors"],
        ),
        quantiles=() if likelihood is None else tuple(likelihood.quantiles),
    )


def report(solution: ExactSolution) -> list[dict[str, Any]]:
    """Return the settings compared as plain values, a row for each."""
    return [
        {
            "instance_norm": entry.setting.norm,
            "channel_embedding_dim": entry.setting.embedding_dim,
            "individual": entry.setting.individual,
            "n_factors": entry.setting.n_factors,
            "ridge": entry.setting.ridge,
            "validation_mse": entry.validation_mse,
            "damping": entry.damping,
            "chosen": entry.chosen,
        }
        for entry in solution.compared
    ]

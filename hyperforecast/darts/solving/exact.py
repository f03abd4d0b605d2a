"""The exact solver inside Darts: a module trained by it, and its report."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from darts.utils.data import SequentialTorchTrainingDataset

from hyperforecast.darts.centred_quantiles import CentredQuantiles
from hyperforecast.darts.inputs.observed_series import observed_series
from hyperforecast.darts.module import ForecastingModule
from hyperforecast.darts.training.random_turns import turn_lent
from hyperforecast.nn.backbones import default_instance_norm
from hyperforecast.nn.cycle_choice import solve_with_cycle
from hyperforecast.nn.exact import (
    ExactOptions,
    ExactSolution,
    MomentHistory,
    ObservedSeries,
    Problem,
    RunningFit,
    SettingHistory,
    choose_search_space,
    solve_exact,
    solved_arguments,
    solved_network,
)
from hyperforecast.nn.exact.choice.late import IsLate, never
from hyperforecast.nn.exact.windows.observed_series import has_own_windows
from hyperforecast.nn.network import ForecastingNetwork
from hyperforecast.nn.parts import Part, closed_form_of_head

logger = logging.getLogger(__name__)


def train_exactly(
    module: ForecastingModule,
    params: dict[str, Any],
    parts: Mapping[str, Part],
    dataset: SequentialTorchTrainingDataset,
    validation: SequentialTorchTrainingDataset | None,
    device: torch.device,
    history: MomentHistory | None = None,
    settings: SettingHistory | None = None,
    periods: Sequence[int] = (),
    is_late: IsLate = never,
) -> ExactSolution:
    """Solve for the weights of a module and write them into its network.

    Parameters
    ----------
    module : ForecastingModule
        Its network is replaced by one with the settings that the solver chose.
    params : dict
        Arguments of the Darts model.
    parts : mapping of str to Part
        Those that the model asks for: those of the network may be of an earlier solution.
    dataset, validation : SequentialTorchTrainingDataset
    device : torch.device
        Where to compute, in float64; the CPU computes for one that does not know it.
    history : MomentHistory, optional
        Shared with other models that are fitted on overlapping windows.
    settings : SettingHistory, optional
        Likewise: the settings that the first of them selected, and its cycles.
    periods : sequence of int, default=()
        Of the cycles that are compared with none, ascending.
    is_late : callable, optional
        Says whether the time to compare settings is over.

    Returns
    -------
    ExactSolution
    """
    device = float64_device(device)
    series = without_equal_weights(observed_series(dataset, device, history))
    options = ExactOptions(**(params["solver_kwargs"] or {}))
    problem = exact_problem(params, options, parts, module.single_network)
    if has_own_windows(series):
        history = settings = None  # of the same windows of all channels
    recalled = None if settings is None else settings.recall(problem, series, options)
    cycles = None if settings is None else settings.cycles
    if cycles is not None and not set(cycles.periods) <= set(periods):
        recalled = None  # of phases that are not told apart now
    held_out = (
        None if validation is None else all_alike(observed_series(validation, device, history))
    )
    solve = partial(
        solve_exact, options=options, history=history, combination=recalled, is_late=is_late
    )
    with turn_lent():  # solving draws no random numbers
        if recalled is not None:
            left = series if cycles is None else cycles.taken_from(series)
            solution = replace(solve(problem, left), cycles=cycles)
        elif module.network.periods is None:
            solution = solve(problem, series, held_out)
        else:
            arguments = module.network_arguments
            solution = solve_with_cycle(
                arguments, problem, series, held_out, options, periods, solve, is_late
            )
    if settings is not None:
        settings.note(problem, series, options, solution, recalled is not None)
    double = dataset.series[0].dtype == np.float64
    write_into(module, solution, torch.float64 if double else module.dtype)
    if module.single_network.fills_in_units:
        target = solution.units.target
        known = [target.some(one.numbers).standardise(one.known) for one in series]
        module.single_network.gap_filler.start_from(known)
    setting, n_settings = solution.setting, len(solution.combination.settings)
    logger.info(
        "Trained by the exact solver: instance_norm=%r, %s, n_factors=%d, %s.",
        setting.norm,
        "a head for each channel"
        if setting.individual
        else f"channel_embedding_dim={setting.embedding_dim}",
        setting.n_factors,
        f"ridge={setting.ridge:.1e}" if n_settings == 1 else f"{n_settings} settings added up",
    )
    return solution


def write_into(module: ForecastingModule, solution: ExactSolution, dtype: torch.dtype) -> None:
    """Replace the network of a module by one that holds a solution, in a precision."""
    like = next(module.network.parameters())
    network = solved_network(module.network_arguments, solution)
    network.fill_as(module.single_network)
    # Lightning makes a module double only when it is run, and files are read in its precision;
    # in this order: a device may not know the precision that the network was solved in
    module.network = network.to(dtype).to(like.device).train(module.training)
    module.to(dtype)
    module.network_arguments = solved_arguments(module.network_arguments, solution)
    module.shares_at_zero = solution.shared is not None


def running_fit(
    module: ForecastingModule, params: dict[str, Any], solution: ExactSolution
) -> RunningFit:
    """Return what takes in further windows of a solution's setting, with no window yet."""
    options = ExactOptions(**(params["solver_kwargs"] or {}))
    problem = exact_problem(params, options, module.network.parts, module.single_network)
    return RunningFit.of(problem, options, solution)


def without_equal_weights(series: list[ObservedSeries]) -> list[ObservedSeries]:
    """Leave out sample weights that are one number: they change nothing."""
    weights = [one.weight for one in series]
    given = [weight.flatten() for weight in weights if weight is not None]
    if len(given) < len(series) or len(torch.cat(given).unique()) > 1 or given[0][0] == 0:
        return series
    return [replace(one, weight=None) for one in series]


def all_alike(series: list[ObservedSeries]) -> list[ObservedSeries]:
    """Let every validation window count: settings are compared on all of them."""
    return [replace(one, counts=None) for one in series]


def float64_device(device: torch.device) -> torch.device:
    """Return a device if it computes in float64, else the CPU: Apple's MPS does not."""
    try:
        torch.zeros(1, dtype=torch.float64, device=device)
    except TypeError:
        return torch.device("cpu")
    return device


def exact_problem(
    params: dict[str, Any],
    options: ExactOptions,
    parts: Mapping[str, Part],
    network: ForecastingNetwork,
) -> Problem:
    """Say what a model's arguments ask to be solved."""
    likelihood = params.get("likelihood")
    closed_form = closed_form_of_head(parts)
    by_series = network.weights_by != "channel"
    n_channels = network.n_channels * (network.n_series if by_series else 1)
    rows = None
    if network.weights_by == "series" and network.n_channels > 1:
        rows = torch.arange(network.n_series).repeat_interleave(network.n_channels)
    attributes = network.attributes()
    return Problem(
        lookback=params["input_chunk_length"],
        horizon=params["output_chunk_length"],
        shift=params["output_chunk_shift"],
        search=choose_search_space(
            n_channels if rows is None else network.n_series,
            default_instance_norm(params["backbone"]),
            norm=params["instance_norm"],
            generated=closed_form.channel_weights == "generated",
            embedding_dim=closed_form.embedding_dim,
            individual=closed_form.channel_weights == "individual",
            n_factors=params["n_factors"],
            lookback=params["input_chunk_length"],
            pool=options.pool,
            neighbours=options.neighbours,
            combine=options.combine,
            own_windows=by_series,
            n_aligned=network.n_channels,
            attributed=attributes is not None,
        ),
        quantiles=() if likelihood is None else tuple(likelihood.quantiles),
        n_channels=n_channels if by_series else None,
        rows=rows,
        attributes=None if attributes is None else attributes.detach().double().cpu(),
        centred=isinstance(likelihood, CentredQuantiles),
    )


def report(
    solution: ExactSolution, lookback: int, *, with_periods: bool = False
) -> list[dict[str, Any]]:
    """Return the settings compared as plain values, a row for each.

    Parameters
    ----------
    solution : ExactSolution
    lookback : int
        Of the model.
    with_periods : bool, default=False
        Whether rows say which cycles were taken away before.
    """
    return [
        {
            "lookback": entry.setting.lookback or lookback,
            "instance_norm": entry.setting.norm,
            "channel_embedding_dim": entry.setting.embedding_dim,
            "embedding_start": entry.setting.embedding_start,
            "embedding_rounds": entry.setting.n_rounds,
            "individual": entry.setting.individual,
            "n_factors": entry.setting.n_factors,
            "drift": entry.setting.drift,
            "neighbour_lags": entry.setting.neighbour_lags,
            "ridge": entry.setting.ridge,
            "shared_ridge": entry.setting.shared_ridge or math.nan,
            "validation_mse": entry.validation_mse,
            "damping": entry.damping,
            "share": entry.share,
            "chosen": entry.chosen,
            **({"periods": entry.periods} if with_periods else {}),
        }
        for entry in solution.compared
    ]

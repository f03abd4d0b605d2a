"""Closed-form training: which setting, and its weights."""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch

from hyperforecast.nn.exact.candidate import Candidate
from hyperforecast.nn.exact.data_split import DataSplit
from hyperforecast.nn.exact.hold_out import hold_out
from hyperforecast.nn.exact.moment_history import MomentHistory
from hyperforecast.nn.exact.observed_series import ObservedSeries
from hyperforecast.nn.exact.options import ExactOptions
from hyperforecast.nn.exact.problem import Problem
from hyperforecast.nn.exact.search_space import SearchSpace
from hyperforecast.nn.exact.selection import ModelSelection
from hyperforecast.nn.exact.setting import Setting
from hyperforecast.nn.exact.solution import ExactSolution
from hyperforecast.nn.exact.validation_windows import ValidationWindows

MIN_HELD_OUT = 4
"""Number of windows held out below which no settings are compared."""


def solve_exact(
    problem: Problem,
    series: Sequence[ObservedSeries],
    validation: Sequence[ObservedSeries] | None = None,
    options: ExactOptions | None = None,
    history: MomentHistory | None = None,
) -> ExactSolution:
    """Train a linear backbone, shared, generated or per channel, in closed form.

    Normalisation, length of the channel embedding, number of factors and ridge are chosen one
    after the other by the error on validation, a quadratic form in the moments of its windows.
    The simpler setting is selected unless a richer one gains clearly: more than one standard
    error, taken over consecutive blocks of validation windows or over channels, and more than one
    per cent.

    Parameters
    ----------
    problem : Problem
    series : sequence of ObservedSeries
        Training series, float64.
    validation : sequence of ObservedSeries, optional
        Validation series. Without them the last windows of each training series are held out,
        and the setting selected is fitted again on all windows.
    options : ExactOptions, optional
    history : MomentHistory, optional
        Of earlier fits on overlapping windows, to be carried on.

    Returns
    -------
    ExactSolution

    Raises
    ------
    ValueError
        If no setting has an error that float64 can tell from zero.
    """
    options = options or ExactOptions()
    held_out = validation is None
    training = list(series)
    if validation is None:
        training, validation = hold_out(problem, series, options.validation_size)
    n_held_out = sum(len(one.target) - problem.width + 1 for one in validation)
    if not training or not validation or (held_out and n_held_out < MIN_HELD_OUT):
        return _solve_simplest(problem, series, options)

    trained = DataSplit(problem, training, options, history, "training", validation=validation)
    validated = DataSplit(problem, validation, options, history, "validation", trained)
    selection = ModelSelection(trained, validated)
    selected, n_steps = selection.select()
    if not math.isfinite(selected.error):
        raise ValueError(
            "The exact solver found no setting whose error on validation is more than rounding: "
            "the validation rows lie too far from the training rows, in units of the deviations "
            "of these. Give rows of one kind, or train by gradients: solver='adam'."
        )
    if held_out:
        selection.release()
        alone = replace(problem, search=SearchSpace.only(selected.setting))
        solution = DataSplit(alone, series, options, history, "all").solve(
            selected.setting, n_steps
        )
    else:
        solution = trained.as_solution(selected.setting, selected.weights, selected.mixing)
    solution = replace(solution, compared=selection.compared)
    if not problem.quantiles:
        return solution
    quantiles = selection.windows.residual_quantiles(selected)
    if selected.setting.norm != "revin":  # whose residuals are in units of the window's deviation
        before, after = (u.target.deviation for u in (trained.units, solution.units))
        ratio = torch.where(after > 0, before / after, 1.0)
        quantiles = quantiles * ratio[:, None, None]
    return replace(solution, residual_quantiles=quantiles)


def _solve_simplest(
    problem: Problem, series: Sequence[ObservedSeries], options: ExactOptions
) -> ExactSolution:
    """Solve where there are too few windows to compare anything.

    The simplest setting with a moderate ridge, and the instance norm that falls back to the last
    value.
    """
    search = problem.search
    dim = min(search.embedding_dims)
    setting = Setting(
        norm="last" if "last" in search.norms else search.norms[0],
        embedding_dim=dim,
        individual=dim == series[0].n_channels > 0,
        n_factors=min(search.n_factors),
        ridge=options.ridge or 1e-2,
    )
    split = DataSplit(problem, series, options, None, "all")
    solution = split.solve(setting)
    if not problem.quantiles:
        return solution
    candidate = Candidate(setting, solution.weights, solution.mixing, math.nan)
    quantiles = ValidationWindows(split).residual_quantiles(candidate)
    return replace(solution, residual_quantiles=quantiles)

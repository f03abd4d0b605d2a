"""Closed-form training: which setting, and its weights."""

import math
from collections.abc import Sequence
from dataclasses import replace

from hyperforecast.nn.exact.fit import PanelFit
from hyperforecast.nn.exact.history import MomentHistory
from hyperforecast.nn.exact.moments import Panel
from hyperforecast.nn.exact.problem import ExactOptions, ExactSolution, Problem, Setting
from hyperforecast.nn.exact.race import Entrant, Race

MIN_HELD_OUT = 4
"""Number of windows held out below which no settings are compared."""


def solve_exact(
    problem: Problem,
    panels: Sequence[Panel],
    validation: Sequence[Panel] | None = None,
    options: ExactOptions | None = None,
    history: MomentHistory | None = None,
) -> ExactSolution:
    """Train a linear backbone, shared, generated or per channel, in closed form.

    Normalisation, length of the channel embedding, number of factors and ridge are chosen one
    after the other by the error on validation, a quadratic form in the moments of its windows.
    The simpler setting wins unless a richer one gains clearly: more than one standard error,
    taken over consecutive blocks of validation windows or over channels, and more than one
    per cent.

    Parameters
    ----------
    problem : Problem
    panels : sequence of Panel
        Training series, float64.
    validation : sequence of Panel, optional
        Validation series. Without them the last windows of each training series are held out,
        and the winner is fitted again on all windows.
    options : ExactOptions, optional
    history : MomentHistory, optional
        Of earlier fits on overlapping windows, to be carried on.

    Returns
    -------
    ExactSolution
    """
    options = options or ExactOptions()
    held_out = validation is None
    training = list(panels)
    if validation is None:
        training, validation = hold_out(problem, panels, options.validation_size)
    width = problem.lookback + problem.shift + problem.horizon
    n_held_out = sum(len(panel.target) - width + 1 for panel in validation)
    if not training or not validation or (held_out and n_held_out < MIN_HELD_OUT):
        # too few windows to compare anything: the simplest setting with a moderate ridge, and the
        # instance norm that falls back to the last value
        setting = Setting(
            "last" if "last" in problem.norms else problem.norms[0],
            min(problem.embedding_dims),
            False,
            min(problem.n_factors),
            options.ridge or 1e-2,
        )
        individual = setting.embedding_dim == panels[0].target.shape[1] > 0
        setting = replace(setting, individual=individual)
        race = Race(problem, panels, panels, options, None)  # with nobody in it
        solution = race.training.solution(setting)
        if not problem.quantiles:
            return solution
        entrant = Entrant(setting, solution.weights, solution.mixing, math.nan)
        return replace(solution, residual_quantiles=race.residual_quantiles(entrant))

    race = Race(problem, training, validation, options, history)
    winner, n_steps = race.run()
    if held_out:
        fit = PanelFit(problem.only(winner.setting), panels, options, history, "all")
        solution = fit.solution(winner.setting, n_steps)
    else:
        solution = race.training.as_solution(winner.setting, winner.weights, winner.mixing)
    quantiles = race.residual_quantiles(winner) if problem.quantiles else None
    return replace(solution, race=race.entries, residual_quantiles=quantiles)


def hold_out(
    problem: Problem, panels: Sequence[Panel], size: float
) -> tuple[list[Panel], list[Panel]]:
    """Split each panel by time: the targets of the two parts do not overlap.

    Returns
    -------
    training, validation : list of Panel
        Panels too short for a window in both parts are used for training alone.
    """
    width = problem.lookback + problem.shift + problem.horizon
    training, validation = [], []
    for panel in panels:
        n_windows = len(panel.target) - width + 1
        first = n_windows - max(1, round(size * n_windows))  # held-out window
        end = first + problem.lookback + problem.shift  # its target's first row
        if end < width:
            if n_windows > 0:
                training.append(panel)
            continue
        training.append(panel.rows(0, end))
        validation.append(panel.rows(first, len(panel.target)))
    return training, validation

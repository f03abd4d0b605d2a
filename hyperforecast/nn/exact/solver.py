"""Closed-form training: which setting, and its weights."""

import math
from collections.abc import Sequence
from dataclasses import replace

from hyperforecast.nn.exact.choice.folds import Fold
from hyperforecast.nn.exact.choice.late import IsLate, never
from hyperforecast.nn.exact.choice.selection import ModelSelection
from hyperforecast.nn.exact.intervals.calibration import calibrate
from hyperforecast.nn.exact.intervals.out_of_sample import (
    OutOfSample,
    held_out_residuals,
    leave_out_residuals,
    n_sampled,
)
from hyperforecast.nn.exact.intervals.own_calibration import calibrate_own
from hyperforecast.nn.exact.intervals.own_out_of_sample import (
    OwnOutOfSample,
    own_held_out_residuals,
    own_leave_out_residuals,
)
from hyperforecast.nn.exact.moments.moment_history import MomentHistory
from hyperforecast.nn.exact.moments.own_window_cache import OwnWindowCache
from hyperforecast.nn.exact.regressions.generated_regression import is_direct
from hyperforecast.nn.exact.settings.combination import Combination
from hyperforecast.nn.exact.settings.options import ExactOptions
from hyperforecast.nn.exact.settings.problem import Problem
from hyperforecast.nn.exact.settings.residual_quantiles import ResidualQuantiles
from hyperforecast.nn.exact.settings.search_space import SearchSpace
from hyperforecast.nn.exact.settings.setting import ComparedSetting, Setting
from hyperforecast.nn.exact.settings.solution import ExactSolution
from hyperforecast.nn.exact.splits.data_split import DataSplit, training_units
from hyperforecast.nn.exact.splits.hold_out import LAST_FIFTH, N_FOLDS, Parts, hold_out
from hyperforecast.nn.exact.splits.weighted_split import WeightedSplit
from hyperforecast.nn.exact.windows.distinct_series import distinct_numbers
from hyperforecast.nn.exact.windows.layout import WindowLayout
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries, has_own_windows
from hyperforecast.nn.exact.windows.units import Units
from hyperforecast.nn.exact.windows.window_weights import steps_have_own_weights, window_weights

MIN_HELD_OUT = 4
"""Number of windows held out below which no settings are compared."""


def solve_exact(
    problem: Problem,
    series: Sequence[ObservedSeries],
    validation: Sequence[ObservedSeries] | None = None,
    options: ExactOptions | None = None,
    history: MomentHistory | None = None,
    combination: Combination | None = None,
    is_late: IsLate = never,
) -> ExactSolution:
    """Train a linear backbone, shared, generated or per channel, in closed form.

    Normalisation, length of the channel embedding, number of factors and ridge are chosen one
    after the other by the error on validation, a quadratic form in the moments of its windows.
    The simpler setting is selected unless a richer one gains clearly: more than one standard
    error, taken over consecutive blocks of validation windows or over channels, and more than one
    per cent. Forecasts of other lookbacks and norms are then added to its own, where the search
    space says so.

    Parameters
    ----------
    problem : Problem
    series : sequence of ObservedSeries
        Training series, float64.
    validation : sequence of ObservedSeries, optional
        Validation series. Without them windows of each training series are held out, see
        :func:`hold_out`, and the setting selected is fitted again on all windows.
    options : ExactOptions, optional
    history : MomentHistory, optional
        Of earlier fits on overlapping windows, to be carried on.
    combination : Combination, optional
        Solve for the weights of these settings, and compare nothing.
    is_late : callable, optional
        Says whether the time to compare is over. From then on no further setting is compared: what
        was selected of those before is solved for.

    Returns
    -------
    ExactSolution

    Raises
    ------
    ValueError
        If no setting has an error that float64 can tell from zero; where channels have windows of
        their own, if something is asked for that needs the same windows of all.
    """
    options = options or ExactOptions()
    if has_own_windows(series):
        _check_own_windows(problem, series)
    if combination is not None:
        problem = replace(problem, search=SearchSpace.only(combination.settings))
        split = _training(problem, series, options, history, "all")
        solution = split.solve_all(combination)
        added = sorted(combination.settings, key=combination.share)
        return replace(
            solution,
            compared=[
                ComparedSetting(one, math.nan, True, share=combination.share(one)) for one in added
            ],
            residual_quantiles=_residual_quantiles(solution, split),
        )
    held_out = validation is None
    parts: list[Parts] = [(list(series), list(validation or []))]
    if validation is None:
        size = options.validation_size
        if size is None and not _folds_fit(problem, series[0], options):
            size = LAST_FIFTH
        parts = hold_out(problem, series, size)
    training, validation = parts[-1]
    n_windows = [len(one.target) - problem.width + 1 for one in validation]
    # of a series that is given several times they count once
    n_held_out = sum(dict(zip(distinct_numbers(validation), n_windows, strict=True)).values())
    if not training or not validation or (held_out and n_held_out < MIN_HELD_OUT):
        return _solve_simplest(problem, series, options)

    each = replace(options, max_memory_gb=options.max_memory_gb / len(parts))
    # blocks count in the units in which all rows are fitted at last
    units = training_units(problem, series) if len(parts) > 1 else None
    folds = [
        _fold(problem, part, each, history, "" if part is parts[-1] else f" {number}", units)
        for number, part in enumerate(parts)
    ]
    trained, validated = folds[-1]
    selection = ModelSelection(trained, validated, folds[:-1], is_late)
    selected = selection.select()
    if not math.isfinite(selected.error):
        raise ValueError(
            "The exact solver found no setting whose error on validation is more than rounding: "
            "the validation rows lie too far from the training rows, in units of the deviations "
            "of these. Give rows of one kind, or train by gradients: solver='adam'."
        )
    combination = selection.combine(selected)
    if problem.search.neighbours or not held_out:
        totals = selection.totals(combination, selected)
        combination = selection.add_neighbours(combination, totals, selected)
    if held_out:
        selection.release()
        alone = replace(problem, search=SearchSpace.only(combination.settings))
        trained = _training(alone, series, options, history, "all")
        solution = trained.solve_all(combination)
    else:
        solution = trained.as_solution(combination, totals[-1])
    return replace(
        solution,
        compared=selection.compared,
        residual_quantiles=_residual_quantiles(solution, trained, None if held_out else validated),
    )


def _check_own_windows(problem: Problem, series: Sequence[ObservedSeries]) -> None:
    """Raise if channels with windows of their own are asked for what they have not in common."""
    if problem.search.neighbours:
        raise ValueError(
            "There is no closed form of the last values of all channels where channels have "
            "windows of their own. Leave that out, or train by gradients: solver='adam'."
        )
    if max(problem.search.n_factors) and {one.n_channels for one in series} != {
        max(2, series[0].n_channels)
    }:
        raise ValueError(
            "Channels have common factors where they share a time axis: series have to hold the "
            f"same several channels each; got {sorted({one.n_channels for one in series})}. Leave "
            "factors out, or put channels into one series."
        )
    width = problem.width
    layout = WindowLayout(problem.lookback, problem.horizon, problem.shift)
    weights = window_weights([one for one in series if one.n_rows >= width], layout)
    if weights is not None and not any(one.any() for one in weights):
        raise ValueError(
            "The sample weights of all windows are zero, so nothing is known of any. Give weights "
            "of which some are positive."
        )
    if problem.n_channels is None:
        raise ValueError(
            "Problem.n_channels must say how many channels there are where series hold some of "
            "them each; got None."
        )


def _residual_quantiles(
    solution: ExactSolution, trained: DataSplit, validated: DataSplit | None = None
) -> ResidualQuantiles | None:
    """Calibrate the quantiles asked for on windows that were not trained on, if any are."""
    if not trained.problem.quantiles:
        return None
    if isinstance(trained.cache, OwnWindowCache):
        parts = [own_leave_out_residuals(trained, solution)]
        if validated is not None:
            parts.append(own_held_out_residuals(validated, solution))
        return calibrate_own(OwnOutOfSample.joined(parts), trained.problem)
    splits = [trained] if validated is None else [trained, validated]
    each = n_sampled(trained) / sum(split.cache.n_windows for split in splits)
    sample = leave_out_residuals(trained, solution, each * trained.cache.n_windows)
    if validated is not None:
        held_out = held_out_residuals(validated, solution, each * validated.cache.n_windows)
        sample = OutOfSample.joined([sample, held_out])
    return calibrate(sample, trained.problem)


def _folds_fit(problem: Problem, like: ObservedSeries, options: ExactOptions) -> bool:
    """Say whether the largest equations and weights that are compared fit in memory on all folds.

    Of what the bound does not count they may take half: the equations and their factors, the sums
    that they are made of, and three solutions at once.
    """
    search = problem.search
    n_factors = max(search.n_factors)
    loadings = like.target.new_zeros(like.n_channels, n_factors) if n_factors else None
    layout = WindowLayout(
        problem.lookback,
        problem.horizon,
        problem.shift,
        loadings=loadings,
        factor_lookback=min(options.factor_lookback, problem.lookback),
    )
    n_regressors = layout.regressors(like).total
    shared = [dim for dim in search.embedding_dims if dim < like.n_channels]
    n_unknown = (1 + max(shared, default=0)) * n_regressors
    equations = 24 * n_unknown**2 if shared and is_direct(n_unknown) else 0
    longest = max(1 + dim if dim < like.n_channels else dim for dim in search.embedding_dims)
    weights = 24 * longest * n_regressors * problem.horizon
    return N_FOLDS * (equations + weights) <= options.max_memory_gb * 2**30 / 2


def _fold(
    problem: Problem,
    parts: Parts,
    options: ExactOptions,
    history: MomentHistory | None,
    name: str,
    units: Units | None,
) -> Fold:
    """Return the splits of what is trained on, and of what settings are compared on."""
    training, validation = parts
    trained = _training(problem, training, options, history, f"training{name}", validation, units)
    # settings are compared on windows that all count the same
    validation = [replace(one, weight=None, counts=None) for one in validation]
    validated = DataSplit(problem, validation, options, history, f"validation{name}", trained)
    return Fold(trained, validated)


def _training(
    problem: Problem,
    series: Sequence[ObservedSeries],
    options: ExactOptions,
    history: MomentHistory | None,
    name: str,
    validation: Sequence[ObservedSeries] = (),
    units: Units | None = None,
) -> DataSplit:
    """Return the split of series that are trained on, weighted where they are."""
    weighted = any(one.is_weighted for one in series)
    if weighted and options.embedding_steps:
        raise ValueError(
            f"embedding_steps={options.embedding_steps} has no closed form where windows or steps "
            "have weights, or windows a stride. Leave out one of them."
        )
    if has_own_windows(series):  # whose moments are those of windows that have weights
        layout = WindowLayout(problem.lookback, problem.horizon, problem.shift)
        long = [one for one in series if one.n_rows >= problem.width]
        weighted = steps_have_own_weights(long, layout)
    kind = WeightedSplit if weighted else DataSplit
    return kind(problem, series, options, history, name, validation=validation, units=units)


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
        individual=dim == (problem.n_rows or series[0].n_channels) > 0,
        n_factors=min(search.n_factors),
        ridge=options.ridge or 1e-2,
    )
    split = _training(problem, series, options, None, "all")
    solution = split.solve(setting)
    return replace(solution, residual_quantiles=_residual_quantiles(solution, split))

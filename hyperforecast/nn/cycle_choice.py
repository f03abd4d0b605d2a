"""Whether cycles pay: exact solutions with and without them, compared on validation windows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from hyperforecast.nn.exact import (
    ComparedSetting,
    ExactOptions,
    ExactSolution,
    MeanDeviation,
    ObservedSeries,
    Problem,
    solve_exact,
    solved_network,
)
from hyperforecast.nn.exact.choice.late import IsLate, never
from hyperforecast.nn.exact.solver import MIN_HELD_OUT
from hyperforecast.nn.exact.splits.hold_out import LAST_FIFTH, hold_out
from hyperforecast.nn.exact.splits.validation_windows import SpreadWindows
from hyperforecast.nn.exact.uncertainty.standard_error import exceeds_standard_error
from hyperforecast.nn.exact.windows.cycles import Cycles
from hyperforecast.nn.exact.windows.distinct_series import distinct_numbers
from hyperforecast.nn.exact.windows.observed_series import has_own_windows
from hyperforecast.nn.windows import WindowCutter

LEAST_GAIN = 0.005
"""Part of the error that a cycle has to save: less than what the solver asks of richer weights, for
it has few values, which are shrunk before they are compared."""

LAST_PART = 0.25
"""Last part of the validation time in which a cycle must not lose. A cycle of a season that passes
gains less and less, and what lies nearest to the end is nearest to what follows."""

MAX_COMPARED = 2000
"""Number of validation windows, evenly spread, whose errors are compared."""

MAX_VALUES = 2**22
"""Number of values in the windows that are forecast at a time."""


@dataclass(frozen=True)
class CycleChoice:
    """Which cycles pay.

    Attributes
    ----------
    periods : tuple of int
        Of the cycles that do.
    solution : ExactSolution, optional
        With these, of all training series, where validation series were given.
    compared : list of ComparedSetting
        A row for each candidate; none where there were too few windows to compare anything.
    """

    periods: tuple[int, ...] = ()
    solution: ExactSolution | None = None
    compared: tuple[ComparedSetting, ...] = ()


def solve_with_cycle(
    arguments: dict[str, Any],
    problem: Problem,
    series: Sequence[ObservedSeries],
    validation: Sequence[ObservedSeries] | None,
    options: ExactOptions,
    periods: Sequence[int],
    solve: Callable[..., ExactSolution] | None = None,
    is_late: IsLate = never,
) -> ExactSolution:
    """Solve for what is left of series when their cycles are taken away, as far as these pay.

    One period after the other, the shortest first, is compared with those before alone: a cycle is
    kept where it gains more than one standard error, and more than half a per cent, on validation,
    and loses nothing in the last quarter of it. Without validation series these are the last fifth
    of the windows, or what ``options.validation_size`` says, and cycles are estimated on the rows
    before them; those kept are estimated again on all rows.

    Parameters
    ----------
    arguments : dict
        Of the network.
    problem, series, validation, options
        As of :func:`solve_exact`; series say their phase.
    periods : sequence of int
        Ascending.
    solve : callable, optional
        What solves on all series in the end; :func:`solve_exact` with the options if not given.
    is_late : callable, optional
        Says whether the time to compare is over: then no further period is compared.

    Returns
    -------
    ExactSolution
        With its cycles, whose candidates stand first in what was compared.
    """
    choice = choose_cycle(arguments, problem, series, validation, options, periods, is_late)
    solution = choice.solution
    if solution is None:
        cycles = Cycles.of(series, choice.periods, problem.n_channels)
        held_out = None if validation is None else cycles.taken_from(validation)
        solve = solve or partial(solve_exact, options=options)
        solution = solve(problem, cycles.taken_from(series), held_out)
        solution = replace(solution, cycles=cycles)
    compared = [replace(entry, periods=choice.periods) for entry in solution.compared]
    return replace(solution, compared=[*choice.compared, *compared])


def choose_cycle(
    arguments: dict[str, Any],
    problem: Problem,
    series: Sequence[ObservedSeries],
    validation: Sequence[ObservedSeries] | None,
    options: ExactOptions,
    periods: Sequence[int],
    is_late: IsLate = never,
) -> CycleChoice:
    """Return which cycles pay on validation; parameters as of :func:`solve_with_cycle`."""
    training = series
    if validation is None:
        size = options.validation_size or LAST_FIFTH
        ((training, validation),) = hold_out(problem, series, size)
        validation = [replace(one, counts=None) for one in validation]
    windows = _ComparedWindows(arguments, problem, training, validation)
    if not periods or windows.n_windows < MIN_HELD_OUT:
        return CycleChoice()
    points = replace(problem, quantiles=(), centred=False)

    def candidate(periods: tuple[int, ...]) -> tuple[ExactSolution, Tensor]:
        cycles = Cycles.of(training, periods, problem.n_channels)
        left, held_out = cycles.taken_from(training), cycles.taken_from(validation)
        solution = solve_exact(points, left, held_out, options, is_late=is_late)
        solution = replace(solution, cycles=cycles)
        return solution, windows.errors(solution)

    chosen: tuple[int, ...] = ()
    solution, errors = candidate(chosen)
    compared = [_entry(solution, errors, chosen=True)]
    for period in periods:
        if is_late():
            break
        other, its_errors = candidate((*chosen, period))
        gains = errors - its_errors
        pays = gains.mean().item() > LEAST_GAIN * errors.mean().item()
        pays &= exceeds_standard_error(gains, windows.times, windows.series, windows.n_apart)
        pays &= goes_on(gains, windows.times)
        compared.append(_entry(other, its_errors, pays))
        if pays:
            chosen, solution, errors = (*chosen, period), other, its_errors
    final = training is series and not problem.quantiles
    return CycleChoice(chosen, solution if final else None, tuple(compared))


def goes_on(gains: Tensor, times: Tensor) -> bool:
    """Say whether a gain has not turned into a loss in the last part of the time.

    Parameters
    ----------
    gains : Tensor, shape (C, T)
        Of single windows.
    times : Tensor, shape (T,), int64
        When each window begins.
    """
    distinct = times.unique()  # ascending
    first = distinct[int((1 - LAST_PART) * len(distinct))]
    return gains[:, times >= first].mean().item() >= 0


def _entry(solution: ExactSolution, errors: Tensor, chosen: bool) -> ComparedSetting:
    assert solution.cycles is not None
    error = errors.mean().item()
    return ComparedSetting(solution.setting, error, chosen, periods=solution.cycles.periods)


class _ComparedWindows:
    """Validation windows on which solutions are compared.

    Attributes
    ----------
    n_windows, n_apart : int
        How many windows there are, and how many horizons they span.
    times, series : Tensor, shape (T,), int64
        See :func:`~hyperforecast.nn.exact.uncertainty.standard_error.standard_errors`.
    """

    def __init__(
        self,
        arguments: dict[str, Any],
        problem: Problem,
        training: Sequence[ObservedSeries],
        validation: Sequence[ObservedSeries],
    ) -> None:
        cpu = torch.device("cpu")
        self.arguments = {
            **arguments,
            "output_roles": ("location",),
            "point_head": False,
            "channel_offsets": False,
        }
        self.cutter = WindowCutter(problem.lookback, problem.horizon, problem.shift, torch.float64)
        self.given = [one.to(cpu) for one in validation if one.n_rows >= problem.width]
        self.n_windows = sum(one.n_rows - problem.width + 1 for one in self.given)
        if not self.given:
            return
        spread = SpreadWindows.of(self.given, problem.width, lambda n: -(-n // MAX_COMPARED))
        self.n_apart = spread.n_times // problem.horizon
        self.times, self._starts = spread.times, spread.starts
        self.series = torch.tensor(distinct_numbers(self.given))[spread.numbers]
        deviation = _deviations([one.to(cpu) for one in training], problem.n_channels)
        self._unit = torch.where(deviation > 0, deviation, torch.inf)

    @torch.no_grad()
    def errors(self, solution: ExactSolution) -> Tensor:
        """Return the mean squared errors (C, T), in units of each channel's training variance."""
        network = solved_network(self.arguments, solution).eval()
        errors = []
        for one, starts in self._blocks():
            windows = self.cutter.cut(one, starts)
            number = None
            if one.channels is not None:
                number = torch.full((len(starts),), int(one.channels[0]) // one.n_channels)
            forecast = network(*windows[:4], series=number, phase=windows.phase)[..., 0]
            missed = self.cutter.observed_target(one, starts, windows) - forecast  # (B, H, C)
            squares = (missed / self._unit[one.numbers]).square()
            errors.append(squares.nanmean(dim=1).nan_to_num().T)
        return torch.cat(errors, dim=1)

    def _blocks(self) -> Iterator[tuple[ObservedSeries, Tensor]]:
        for one, starts in zip(self.given, self._starts, strict=True):
            size = max(1, MAX_VALUES // (one.n_channels * self.cutter.width))
            for some in starts.split(size):
                if len(some):
                    yield one, some


def _deviations(series: Sequence[ObservedSeries], n_channels: int | None) -> Tensor:
    """Return the deviation of each channel (C,) over all its rows."""
    if not has_own_windows(series):
        return MeanDeviation.of([one.known for one in series]).deviation
    assert n_channels is not None
    deviation = torch.zeros(n_channels, dtype=torch.float64)
    by_channel: dict[int, list[Tensor]] = {}
    for one in series:
        for number, column in zip(one.numbers.tolist(), one.known.T, strict=True):
            by_channel.setdefault(number, []).append(column[:, None])
    for number, columns in by_channel.items():
        deviation[number] = MeanDeviation.of(columns).deviation
    return deviation

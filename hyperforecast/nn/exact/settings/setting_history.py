"""The settings that earlier fits of a backtest selected."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from hyperforecast.nn.exact.settings.combination import Combination
from hyperforecast.nn.exact.settings.options import ExactOptions
from hyperforecast.nn.exact.settings.problem import Problem
from hyperforecast.nn.exact.settings.solution import ExactSolution
from hyperforecast.nn.exact.windows.cycles import Cycles
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries


@dataclass
class _LastFit:
    problem: Problem
    options: ExactOptions
    series: list[ObservedSeries]
    combination: Combination
    cycles: Cycles | None
    n_fits: int  # since it was selected, that fit included


class SettingHistory:
    """The settings selected, handed from one fit to the next.

    A backtest that trains again at every step fits almost the same rows each time, and compares
    the same settings on them. Here they are compared at the first step, or at every n-th.
    """

    def __init__(self) -> None:
        self._last: _LastFit | None = None

    @property
    def cycles(self) -> Cycles | None:
        """What was taken away from the series before; its phases go on."""
        return None if self._last is None else self._last.cycles

    def recall(
        self, problem: Problem, series: Sequence[ObservedSeries], options: ExactOptions
    ) -> Combination | None:
        """Return the settings to solve for, or ``None`` where they are to be selected.

        They are selected for another problem, its quantiles apart, for series that do not go on
        from those of the last fit, and at every ``options.choose_every``-th fit.
        """
        last = self._last
        if last is None or last.options != options:
            return None
        if _of_points(last.problem) != _of_points(problem):
            return None
        if options.choose_every is not None and last.n_fits >= options.choose_every:
            return None
        if len(last.series) != len(series):
            return None
        pairs = zip(last.series, series, strict=True)
        return last.combination if all(_goes_on(*pair) for pair in pairs) else None

    def note(
        self,
        problem: Problem,
        series: Sequence[ObservedSeries],
        options: ExactOptions,
        solution: ExactSolution,
        recalled: bool,
    ) -> None:
        """Write a fit down: what it solved, and whether it took its settings from here.

        Where there were too few windows to compare anything, the next fit compares.
        """
        if not solution.compared:
            self._last = None
            return
        n_fits = 1 + (self._last.n_fits if recalled and self._last is not None else 0)
        self._last = _LastFit(
            problem, options, list(series), solution.combination, solution.cycles, n_fits
        )


def _of_points(problem: Problem) -> Problem:
    """Return a problem without its quantiles, by which no setting is selected."""
    return replace(problem, quantiles=(), centred=False)


def _goes_on(last: ObservedSeries, series: ObservedSeries) -> bool:
    """Say whether two series are the same one at different times: half of the rows in common."""
    if last.start is None or series.start is None or last.n_channels != series.n_channels:
        return False
    first = max(last.start, series.start)
    end = min(last.start + len(last.target), series.start + len(series.target))
    if 2 * (end - first) < min(len(last.target), len(series.target)):
        return False
    before, now = (one.known[first - one.start : end - one.start] for one in (last, series))  # type: ignore[operator]
    return torch.allclose(before, now, rtol=0, atol=0, equal_nan=True)

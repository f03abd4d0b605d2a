"""A solution that takes in further windows, without the rows of those that it was made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import torch

from hyperforecast.nn.exact.moments.moments import Moments
from hyperforecast.nn.exact.moments.pairs import pair_weights
from hyperforecast.nn.exact.moments.weighted_moments import weighted_moments
from hyperforecast.nn.exact.settings.combination import Combination
from hyperforecast.nn.exact.settings.frame import Frame
from hyperforecast.nn.exact.settings.options import ExactOptions
from hyperforecast.nn.exact.settings.problem import Problem
from hyperforecast.nn.exact.settings.search_space import SearchSpace
from hyperforecast.nn.exact.settings.setting import Setting, View
from hyperforecast.nn.exact.settings.solution import ExactSolution
from hyperforecast.nn.exact.splits.data_split import DataSplit
from hyperforecast.nn.exact.windows.cycles import Cycles
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries


@dataclass(frozen=True)
class RunningFit:
    """What was selected and the moments of all windows that count so far.

    Moments are sums over windows, so those of new windows are added, and the weights that follow
    are those of a fit on all rows: of the same settings, on the same :class:`Frame`.

    Attributes
    ----------
    problem : Problem
        Whose search space are the settings alone.
    options : ExactOptions
    combination : Combination
    frame : Frame
    moments : mapping of Setting to Moments, optional
        Of the channels, or of pairs of basis weights where these suffice, one for all settings that
        see the same; ``None`` before the first window.
    window : ObservedSeries, optional
        One of the windows, for its sizes.
    residual_quantiles : optional
        Those of the solution that the settings come from: further windows do not move them.
    cycles : Cycles, optional
        Likewise; they are taken away from every series that counts.
    """

    problem: Problem
    options: ExactOptions
    combination: Combination
    frame: Frame
    moments: Mapping[Setting, Moments] | None = None
    window: ObservedSeries | None = None
    residual_quantiles: Any = None
    cycles: Cycles | None = None

    @classmethod
    def of(cls, problem: Problem, options: ExactOptions, solution: ExactSolution) -> Self:
        """Return the running fit of a solution's settings, with no window yet."""
        combination = solution.combination
        given = tuple(replace(one, n_rounds=0) for one in combination.settings)
        combination = replace(combination, settings=given)  # the frame has the learned vectors
        search = SearchSpace.only(combination.settings)
        problem = replace(problem, search=search, quantiles=())
        return cls(
            problem,
            options,
            combination,
            Frame.of(solution),
            residual_quantiles=solution.residual_quantiles,
            cycles=solution.cycles,
        )

    def counting(self, series: Sequence[ObservedSeries], forgetting: float = 1.0) -> Self:
        """Return the running fit with every window of further series.

        Parameters
        ----------
        series : sequence of ObservedSeries
            Those that go on from others begin with the last ``width - 1`` rows of these, so that
            windows across the seam count, each once. Series shorter than a window have none.
        forgetting : float, default=1.0
            How much a window counts beside one that is a step later, in (0, 1]. Time moves on by
            the windows of the series that has most of them.
        """
        series = [one for one in series if len(one.target) >= self.problem.width]
        if self.cycles is not None:
            series = self.cycles.taken_from(series)
        if not series:
            return self
        split = self._split(series)
        moments = {
            setting: split.sums(setting)
            if forgetting == 1.0
            else _fading_sums(split, setting, forgetting)
            for setting in distinct_settings(split, self.combination.settings)
        }
        if self.moments is not None:
            n_steps = max(len(one.target) for one in series) - self.problem.width + 1
            faded = forgetting**n_steps
            moments = {key: self.moments[key].scaled(faded) + new for key, new in moments.items()}
        return replace(self, moments=moments, window=series[0].rows(0, self.problem.width))

    def solve(self) -> ExactSolution:
        """Solve for the weights of all windows that count."""
        if self.moments is None or self.window is None:
            raise ValueError("There is no window to solve for; count some series first.")
        split = self._split([self.window])
        for setting, sums in self.moments.items():
            split.use(setting, sums)
        solution = split.solve_all(self.combination)
        return replace(solution, residual_quantiles=self.residual_quantiles, cycles=self.cycles)

    def _split(self, series: Sequence[ObservedSeries]) -> DataSplit:
        return DataSplit(self.problem, series, self.options, None, "all", self.frame)


def distinct_settings(split: DataSplit, settings: Sequence[Setting]) -> list[Setting]:
    """Return settings whose moments are all that the regressions of some settings are made of."""
    longest: dict[tuple[View, bool], Setting] = {}
    for setting in settings:
        what = setting.view, split.pairs_suffice(setting)
        other = longest.get(what, setting)
        longest[what] = max(other, setting, key=lambda one: one.embedding_dim)
    return list(longest.values())


def _fading_sums(split: DataSplit, setting: Setting, forgetting: float) -> Moments:
    """Return the sums over a split in which a series' last window counts one."""
    layout = split.layout(setting.view)
    weights = []
    for one in split.series:
        ages = torch.arange(layout.n_windows(one) - 1, -1, -1).to(one.target)
        weights.append(forgetting**ages)
    chunks = [
        (channels, weighted_moments(split.series, weights, layout, channels))
        for channels in split.cache.channel_chunks(layout)
    ]
    if not split.pairs_suffice(setting):
        return Moments.stacked([moments for _, moments in chunks])
    pairs = pair_weights(split.mixing(setting))
    sums = [moments.summed(pairs[channels]) for channels, moments in chunks]
    return replace(sum(sums[1:], start=sums[0]), n_windows=chunks[0][1].n_windows)

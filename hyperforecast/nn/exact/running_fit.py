"""A solution that takes in further windows, without the rows of those that it was made of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import torch

from hyperforecast.nn.exact.data_split import DataSplit
from hyperforecast.nn.exact.frame import Frame
from hyperforecast.nn.exact.moments import Moments
from hyperforecast.nn.exact.observed_series import ObservedSeries
from hyperforecast.nn.exact.options import ExactOptions
from hyperforecast.nn.exact.pairs import pair_weights
from hyperforecast.nn.exact.problem import Problem
from hyperforecast.nn.exact.search_space import SearchSpace
from hyperforecast.nn.exact.setting import Setting
from hyperforecast.nn.exact.solution import ExactSolution
from hyperforecast.nn.exact.weighted_moments import weighted_moments


@dataclass(frozen=True)
class RunningFit:
    """A selected setting and the moments of all windows that count so far.

    Moments are sums over windows, so those of new windows are added, and the weights that follow
    are those of a fit on all rows: of the same setting, on the same :class:`Frame`.

    Attributes
    ----------
    problem : Problem
        Whose search space is the setting alone.
    options : ExactOptions
    setting : Setting
    frame : Frame
    moments : Moments, optional
        Of the channels, or of pairs of basis weights where these suffice; ``None`` before the first
        window.
    window : ObservedSeries, optional
        One of the windows, for its sizes.
    residual_quantiles : optional
        Those of the solution that the setting comes from: further windows do not move them.
    """

    problem: Problem
    options: ExactOptions
    setting: Setting
    frame: Frame
    moments: Moments | None = None
    window: ObservedSeries | None = None
    residual_quantiles: Any = None

    @classmethod
    def of(cls, problem: Problem, options: ExactOptions, solution: ExactSolution) -> Self:
        """Return the running fit of a solution's setting, with no window yet."""
        setting = solution.setting
        problem = replace(problem, search=SearchSpace.only(setting), quantiles=())
        frame, quantiles = Frame.of(solution), solution.residual_quantiles
        return cls(problem, options, setting, frame, residual_quantiles=quantiles)

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
        if not series:
            return self
        split = self._split(series)
        if forgetting == 1.0:
            moments = split.sums(self.setting)
        else:
            moments = self._fading_sums(split, forgetting)
        if self.moments is not None:
            n_steps = max(len(one.target) for one in series) - self.problem.width + 1
            moments = self.moments.scaled(forgetting**n_steps) + moments
        return replace(self, moments=moments, window=series[0].rows(0, self.problem.width))

    def _fading_sums(self, split: DataSplit, forgetting: float) -> Moments:
        """Return the sums over a split in which a series' last window counts one."""
        layout = split.layout(self.setting.norm, self.setting.n_factors)
        weights = []
        for one in split.series:
            ages = torch.arange(layout.n_windows(one) - 1, -1, -1).to(one.target)
            weights.append(forgetting**ages)
        chunks = [
            (channels, weighted_moments(split.series, weights, layout, channels))
            for channels in split.cache.channel_chunks(layout)
        ]
        if not split.pairs_suffice(self.setting):
            return Moments.stacked([moments for _, moments in chunks])
        pairs = pair_weights(split.mixing(self.setting))
        sums = [moments.summed(pairs[channels]) for channels, moments in chunks]
        return replace(sum(sums[1:], start=sums[0]), n_windows=chunks[0][1].n_windows)

    def solve(self) -> ExactSolution:
        """Solve for the weights of all windows that count."""
        if self.moments is None or self.window is None:
            raise ValueError("There is no window to solve for; count some series first.")
        split = self._split([self.window])
        split.use(self.setting, self.moments)
        return replace(split.solve(self.setting), residual_quantiles=self.residual_quantiles)

    def _split(self, series: Sequence[ObservedSeries]) -> DataSplit:
        return DataSplit(self.problem, series, self.options, None, "all", self.frame)

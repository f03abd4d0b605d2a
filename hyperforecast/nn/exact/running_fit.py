"""A solution that takes in further windows, without the rows of those that it was made of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from hyperforecast.nn.exact.data_split import DataSplit
from hyperforecast.nn.exact.frame import Frame
from hyperforecast.nn.exact.moments import Moments
from hyperforecast.nn.exact.observed_series import ObservedSeries
from hyperforecast.nn.exact.options import ExactOptions
from hyperforecast.nn.exact.problem import Problem
from hyperforecast.nn.exact.search_space import SearchSpace
from hyperforecast.nn.exact.setting import Setting
from hyperforecast.nn.exact.solution import ExactSolution


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

    def counting(self, series: Sequence[ObservedSeries]) -> Self:
        """Return the running fit with every window of further series.

        Series that go on from others begin with the last ``width - 1`` rows of these, so that
        windows across the seam count, each once. Series shorter than a window have none.
        """
        series = [one for one in series if len(one.target) >= self.problem.width]
        if not series:
            return self
        moments = self._split(series).sums(self.setting)
        if self.moments is not None:
            moments = self.moments + moments
        return replace(self, moments=moments, window=series[0].rows(0, self.problem.width))

    def solve(self) -> ExactSolution:
        """Solve for the weights of all windows that count."""
        if self.moments is None or self.window is None:
            raise ValueError("There is no window to solve for; count some series first.")
        split = self._split([self.window])
        split.use(self.setting, self.moments)
        return replace(split.solve(self.setting), residual_quantiles=self.residual_quantiles)

    def _split(self, series: Sequence[ObservedSeries]) -> DataSplit:
        return DataSplit(self.problem, series, self.options, None, "all", self.frame)

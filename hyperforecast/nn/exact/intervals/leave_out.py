"""Residuals of windows that were not trained on: leave-block-out, in closed form."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor

from hyperforecast.nn.exact.moments.moments import ChannelMoments, Moments
from hyperforecast.nn.exact.regressions.channel_regression import ChannelRegression
from hyperforecast.nn.exact.regressions.generated_regression import GeneratedRegression
from hyperforecast.nn.exact.regressions.pooled_regression import PooledRegression
from hyperforecast.nn.exact.regressions.regression import Regression
from hyperforecast.nn.exact.regressions.steps_from import StepsFrom
from hyperforecast.nn.exact.regressions.weights import BasisWeights
from hyperforecast.nn.exact.settings.added_up import each_solved
from hyperforecast.nn.exact.settings.candidate import Solved
from hyperforecast.nn.exact.settings.frame import Frame
from hyperforecast.nn.exact.settings.setting import Setting
from hyperforecast.nn.exact.settings.solution import ExactSolution
from hyperforecast.nn.exact.splits.data_split import DataSplit
from hyperforecast.nn.exact.splits.weighted_split import WeightedSplit

RegressionOf = Callable[[Setting, Tensor], Regression]
"""Makes the regression of a setting, with mixing vectors (C, M)."""


@dataclass(frozen=True)
class WindowSpan:
    """Consecutive windows of one of several series: from ``first`` to before ``stop``."""

    series: int
    first: int
    stop: int


def window_blocks(
    counts: Sequence[int], n_blocks: int, order: Sequence[int]
) -> list[list[WindowSpan]]:
    """Cut the windows of several series, one series after the other, into blocks of equal length.

    Parameters
    ----------
    counts : sequence of int
        Number of windows of each series.
    n_blocks : int
        At most the number of all windows.
    order : sequence of int
        Places of the series, the first one first.
    """
    total = sum(counts)
    cuts = [round(total * k / n_blocks) for k in range(n_blocks + 1)]
    blocks = []
    for begin, end in pairwise(cuts):
        spans, start = [], 0
        for number in order:
            count = counts[number]
            first, stop = max(begin - start, 0), min(end - start, count)
            if first < stop:
                spans.append(WindowSpan(number, first, stop))
            start += count
        blocks.append(spans)
    return blocks


def gap_beside(block: Sequence[WindowSpan], counts: Sequence[int], reach: int) -> int:
    """Return how many windows before and after a block are left out with it.

    Errors of h steps ahead are correlated over less than h steps if forecasts are good, so
    windows within reach, H - 1 steps and the shift, know of the block's errors. Those farther off
    do not, although they may have the block's targets among their inputs: Bergmeir, Hyndman &
    Koo, "A note on the validity of cross-validation for evaluating autoregressive time series
    prediction", 2018. The gap is that of Racine, "Consistent cross-validatory model-selection for
    dependent data: hv-block cross-validation", 2000. Where it would leave no window, as of series
    shorter than two horizons and a lookback, it is as wide as leaves half of them.

    Parameters
    ----------
    block : sequence of WindowSpan
    counts : sequence of int
        Number of windows of each series.
    reach : int
    """

    def n_left(gap: int) -> int:
        around = (widened_span(span, gap, counts[span.series]) for span in block)
        return sum(counts) - sum(span.stop - span.first for span in around)

    if n_left(reach):
        return reach
    return max((gap for gap in range(reach) if n_left(gap) >= sum(counts) // 2), default=0)


def widened_span(span: WindowSpan, gap: int, count: int) -> WindowSpan:
    """Return a span with the windows of a gap on both sides, of a series of ``count`` windows."""
    return WindowSpan(span.series, max(span.first - gap, 0), min(span.stop + gap, count))


def solve_without(
    split: DataSplit, solution: ExactSolution, block: Sequence[WindowSpan], gap: int
) -> BasisWeights | None:
    """Solve again without a block of windows and those beside it.

    Moments are sums over windows, so those of what stays are a difference.

    Parameters
    ----------
    split : DataSplit
        On whose windows the solution was made.
    solution : ExactSolution
        Its settings with their ridges and shares, and its embedding, are kept.
    block : sequence of WindowSpan
    gap : int
        Number of windows before and after it that are left out with it.

    Returns
    -------
    BasisWeights, optional
        ``None`` where no window stays.
    """
    width = split.problem.width
    around = [
        widened_span(span, gap, len(split.series[span.series].target) - width + 1) for span in block
    ]
    return solve_beside(split, solution, around)


def solve_beside(
    split: DataSplit, solution: ExactSolution, around: Sequence[WindowSpan]
) -> BasisWeights | None:
    """Solve again without some windows, at most one span of each series.

    See :func:`solve_without` for the other parameters and what is returned.
    """
    combination = solution.combination
    regressions = (
        _counting_others(split, solution, around)
        if isinstance(split, WeightedSplit)
        else _without_rows(split, solution, around)
    )
    if regressions is None:
        return None
    alone = len(combination.settings) == 1 and combination.neighbours is None

    def solve(setting: Setting) -> Solved:
        mixing = split.mixing(setting)
        if alone and not setting.attributed:  # the embedding may have been learned
            mixing = solution.mixing
        return Solved(setting, regressions(setting, mixing).solve(setting.ridge), mixing)

    total = split.added_up(combination, each_solved(combination, solve))
    if combination.neighbours is not None:
        total = split.with_neighbours(total, combination.neighbours, _starts_beside(split, around))
    return total.weights


def _starts_beside(split: DataSplit, around: Sequence[WindowSpan]) -> list[Tensor]:
    """Return the first rows of the windows of each series that lie in none of some spans."""
    starts = []
    for number, one in enumerate(split.series):
        counts = torch.ones(len(one.target) - split.problem.width + 1, dtype=torch.bool)
        for span in around:
            if span.series == number:
                counts[span.first : span.stop] = False
        starts.append(counts.nonzero().flatten())
    return starts


def _without_rows(
    split: DataSplit, solution: ExactSolution, around: Sequence[WindowSpan]
) -> RegressionOf | None:
    """Return the regressions of settings on all windows but some; ``None`` if none stays."""
    width = split.problem.width
    rows = [split.series[one.series].rows(one.first, one.stop - 1 + width) for one in around]
    frame = _frame(split, solution)
    without = DataSplit(split.problem, rows, split.options, None, "left out", frame)
    if without.cache.n_windows >= split.cache.n_windows:
        return None
    return lambda setting, mixing: _difference_regression(split, without, setting, mixing)


def _difference_regression(
    split: DataSplit, without: DataSplit, setting: Setting, mixing: Tensor
) -> Regression:
    moments = _Difference(split.moments(setting.view), without.moments(setting.view))
    regressors = split.layout(setting.view).regressors(split.series[0])
    if setting.shared is not None:
        base = _difference_regression(split, without, setting.shared, split.mixing(setting.shared))
        shared = base.solve(setting.shared.ridge)
        one_each = torch.eye(split.n_channels).to(base.mixing)
        if setting.attributed:
            own = partial(ChannelRegression, mixing=one_each, regressors=regressors)
            return StepsFrom(moments, shared, base.mixing, own)
        return PooledRegression(moments, shared, base.mixing, one_each, regressors)
    if setting.individual:
        return ChannelRegression(moments, mixing, regressors)
    if mixing.equal(split.mixing(setting)) and (pairs := split.pairs(setting)) is not None:
        others = without.pairs(setting)
        assert others is not None
        return GeneratedRegression(moments, mixing, _difference(pairs, others), regressors)
    # the sums that are kept are not those of a learned embedding
    return GeneratedRegression(moments, mixing, regressors=regressors)


def _counting_others(
    split: WeightedSplit, solution: ExactSolution, around: Sequence[WindowSpan]
) -> RegressionOf | None:
    """Return the weighted regressions of settings on the windows outside of some spans."""
    counts = [
        one.target.new_ones(len(one.target), dtype=torch.bool)
        if one.counts is None
        else one.counts.clone()
        for one in split.series
    ]
    for span in around:
        counts[span.series][span.first : span.stop] = False
    n_windows = [len(one.target) - split.problem.width + 1 for one in split.series]
    if not any(some[:n].any() for some, n in zip(counts, n_windows, strict=True)):
        return None
    others = [replace(one, counts=some) for one, some in zip(split.series, counts, strict=True)]
    frame = _frame(split, solution)
    without = WeightedSplit(split.problem, others, split.options, None, "others", frame)

    def regression(setting: Setting, mixing: Tensor) -> Regression:
        return without.regression(setting, None if setting.individual else mixing[:, 1:])

    return regression


def _frame(split: DataSplit, solution: ExactSolution) -> Frame:
    """Return what the regressions of a split stand on, for rows of its own."""
    units = split.units.of_standardised()
    if split.problem.attributes is None:
        return Frame(solution.vectors, split.loadings, units)
    return Frame(solution.vectors, split.loadings, units, vectors_of=split.vectors)


@dataclass(frozen=True)
class _Difference:
    """Moments of windows less those of some of them, a chunk of the channels at a time."""

    whole: ChannelMoments
    part: ChannelMoments

    def __iter__(self) -> Iterator[tuple[slice, Moments]]:
        parts = iter(self.part)
        of_part, part = next(parts)
        for of_whole, whole in self.whole:
            start = of_whole.start
            while start < of_whole.stop:
                if start >= of_part.stop:
                    of_part, part = next(parts)
                # of fewer rows more channels fit into a chunk
                some = slice(start, min(of_whole.stop, of_part.stop))
                yield (
                    some,
                    _difference(_channels(whole, of_whole, some), _channels(part, of_part, some)),
                )
                start = some.stop


def _channels(moments: Moments, of: slice, some: slice) -> Moments:
    """Return the moments of some channels from those of a slice of them."""
    return moments.channels(slice(some.start - of.start, some.stop - of.start))


def _difference(whole: Moments, part: Moments) -> Moments:
    return Moments(*(getattr(whole, f.name) - getattr(part, f.name) for f in fields(whole)))

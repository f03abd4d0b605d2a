"""Residuals of windows that were not trained on: leave-block-out, in closed form."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

from torch import Tensor

from hyperforecast.nn.exact.channel_regression import ChannelRegression
from hyperforecast.nn.exact.data_split import DataSplit
from hyperforecast.nn.exact.generated_regression import GeneratedRegression
from hyperforecast.nn.exact.moments import ChannelMoments, Moments
from hyperforecast.nn.exact.observed_series import ObservedSeries
from hyperforecast.nn.exact.setting import Setting
from hyperforecast.nn.exact.weights import BasisWeights


@dataclass(frozen=True)
class WindowSpan:
    """Consecutive windows of one of several series: from ``first`` to before ``stop``."""

    series: int
    first: int
    stop: int


def window_blocks(counts: Sequence[int], n_blocks: int) -> list[list[WindowSpan]]:
    """Cut the windows of several series, one series after the other, into blocks of equal length.

    Parameters
    ----------
    counts : sequence of int
        Number of windows of each series.
    n_blocks : int
        At most the number of all windows.
    """
    total = sum(counts)
    cuts = [round(total * k / n_blocks) for k in range(n_blocks + 1)]
    blocks = []
    for begin, end in pairwise(cuts):
        spans, start = [], 0
        for number, count in enumerate(counts):
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
        around = (_widened(span, gap, counts[span.series]) for span in block)
        return sum(counts) - sum(span.stop - span.first for span in around)

    if n_left(reach):
        return reach
    return max((gap for gap in range(reach) if n_left(gap) >= sum(counts) // 2), default=0)


def _widened(span: WindowSpan, gap: int, count: int) -> WindowSpan:
    return WindowSpan(span.series, max(span.first - gap, 0), min(span.stop + gap, count))


def solve_without(
    split: DataSplit, setting: Setting, mixing: Tensor, block: Sequence[WindowSpan], gap: int
) -> BasisWeights | None:
    """Solve a setting again without a block of windows and those beside it.

    Moments are sums over windows, so those of what stays are a difference.

    Parameters
    ----------
    split : DataSplit
        On whose windows the setting was solved.
    setting : Setting
        Its ridge, too, is kept.
    mixing : Tensor, shape (C, M)
        Of the solution; it is not made again.
    block : sequence of WindowSpan
    gap : int
        Number of windows before and after it that are left out with it.

    Returns
    -------
    BasisWeights, optional
        ``None`` where no window stays.
    """
    left_out = _rows(split, block, gap)
    without = DataSplit(split.problem, left_out, split.options, None, "left out", split)
    if without.cache.n_windows >= split.cache.n_windows:
        return None
    where = setting.norm, setting.n_factors
    moments = _Difference(split.moments(*where), without.moments(*where))
    regression: GeneratedRegression | ChannelRegression
    if setting.individual:
        regression = ChannelRegression(moments)
    elif mixing.equal(split.mixing(setting)) and (pairs := split.pairs(setting)) is not None:
        others = without.pairs(setting)
        assert others is not None
        regression = GeneratedRegression(moments, mixing, _difference(pairs, others))
    else:  # the sums that are kept are not those of a learned embedding
        regression = GeneratedRegression(moments, mixing)
    return regression.solve(setting.ridge * regression.scale)


def _rows(split: DataSplit, block: Sequence[WindowSpan], gap: int) -> list[ObservedSeries]:
    """Return the rows of a block's windows and of those beside it."""
    width = split.problem.width
    rows = []
    for span in block:
        series = split.cache.series[span.series]
        around = _widened(span, gap, len(series.target) - width + 1)
        rows.append(series.rows(around.first, around.stop - 1 + width))
    return rows


@dataclass(frozen=True)
class _Difference:
    """Moments of windows less those of some of them, a chunk of the channels at a time."""

    whole: ChannelMoments
    part: ChannelMoments

    def __iter__(self) -> Iterator[tuple[slice, Moments]]:
        for (channels, whole), (_, part) in zip(self.whole, self.part, strict=True):
            yield channels, _difference(whole, part)


def _difference(whole: Moments, part: Moments) -> Moments:
    return Moments(*(getattr(whole, f.name) - getattr(part, f.name) for f in fields(whole)))

"""Residuals of windows that were not trained on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hyperforecast.nn.exact.intervals.leave_out import (
    WindowSpan,
    gap_beside,
    solve_without,
    window_blocks,
)
from hyperforecast.nn.exact.regressions.weights import BasisWeights
from hyperforecast.nn.exact.settings.solution import ExactSolution
from hyperforecast.nn.exact.splits.data_split import DataSplit
from hyperforecast.nn.exact.uncertainty.spread import spread
from hyperforecast.nn.exact.uncertainty.volatility import compared_spans
from hyperforecast.nn.exact.windows.design_matrix import design_matrix
from hyperforecast.nn.exact.windows.distinct_series import order_by_values
from hyperforecast.nn.exact.windows.layout import WindowLayout
from hyperforecast.nn.layers.channel_offsets import recent_variances

MAX_VALUES = 2**23
"""Number of values in the windows of which residuals are taken."""

FEW_BLOCKS, MANY_BLOCKS = 3, 8
"""Numbers of blocks that are left out in turn, of many windows and of few."""


@dataclass(frozen=True)
class OutOfSample:
    """Residuals of windows that were not trained on, and how much the windows moved.

    Attributes
    ----------
    residuals : Tensor, shape (C, T, H)
        In units of the constant regressor: under RevIN in those of the normalised window.
    variances : Tensor, shape (C, T, J)
        Of the last values of their inputs, in the same units squared.
    spans : tuple of int
        Of how many values each.
    counts : tuple of int
        Numbers of consecutive windows that these T were taken from, one after the other.
    """

    residuals: Tensor
    variances: Tensor
    spans: tuple[int, ...]
    counts: tuple[int, ...]

    @classmethod
    def joined(cls, parts: Sequence["OutOfSample"]) -> "OutOfSample":
        """Put several together."""
        return cls(
            torch.cat([part.residuals for part in parts], dim=1),
            torch.cat([part.variances for part in parts], dim=1),
            parts[0].spans,
            tuple(count for part in parts for count in part.counts),
        )


def n_sampled(split: DataSplit) -> int:
    """Return how many windows of a split residuals are taken of."""
    return n_sampled_of(split.cache.n_channels, split.problem.width)


def n_sampled_of(n_channels: int, width: int) -> int:
    """Return how many windows residuals are taken of: at least 128 and at most 512."""
    return min(512, max(128, MAX_VALUES // (n_channels * width)))


def held_out_residuals(split: DataSplit, solution: ExactSolution, n_windows: float) -> OutOfSample:
    """Return the residuals of a solution on about ``n_windows`` windows of another split."""
    counts = _window_counts(split)
    order = order_by_values(split.cache.series)
    spans = [WindowSpan(number, 0, counts[number]) for number in order]
    share = n_windows / split.cache.n_windows
    return _residuals(split, solution, [(spans, solution.weights)], share)


def leave_out_residuals(split: DataSplit, solution: ExactSolution, n_windows: float) -> OutOfSample:
    """Return the residuals of about ``n_windows`` windows, each by weights fitted without it.

    Blocks of windows are left out in turn, each of series of all lengths. Of a single window there
    is no other to fit to: the weights are zero, and the forecast is the level that the instance
    norm restores.
    """
    counts, reach = _window_counts(split), split.problem.shift + split.problem.horizon - 1
    few = sum(counts) < 32 * (reach + 1)  # the gaps would take most of what is left
    n_blocks = min(MANY_BLOCKS if few else FEW_BLOCKS, sum(counts))
    order = order_by_values(split.cache.series)
    dealt = [number for first in range(n_blocks) for number in order[first::n_blocks]]
    blocks = window_blocks(counts, n_blocks, dealt)
    nothing = without_solution(solution)

    def solve(block: Sequence[WindowSpan]) -> BasisWeights:
        gap = gap_beside(block, counts, reach)
        return solve_without(split, solution, block, gap) or nothing

    solved = ((block, solve(block)) for block in blocks)
    return _residuals(split, solution, solved, n_windows / split.cache.n_windows)


def without_solution(solution: ExactSolution) -> BasisWeights:
    """Return the weights of a solution as they are without any window to fit to: zeros."""
    weights = solution.weights
    return BasisWeights(torch.zeros_like(weights.weight), torch.zeros_like(weights.future))


def _residuals(
    split: DataSplit,
    solution: ExactSolution,
    solved: Iterable[tuple[Sequence[WindowSpan], BasisWeights]],
    share: float,
) -> OutOfSample:
    """Return the residuals of a share of the windows of blocks, by the weights of each."""
    layout = split.layout(solution.setting.view)
    compared = tuple(compared_spans(layout.lookback))
    residuals, variances = [], []
    for spans, weights in solved:
        of_channels = weights.of_channels(solution.mixing)
        for span in spans:
            length = span.stop - span.first
            starts = span.first + spread(length, max(1, round(share * length)))
            some = design_matrix(split.cache.series[span.series], layout, starts)
            missed = some.residuals(*of_channels) / some.deviation
            gaps = split.cache.series[span.series].gaps
            if gaps is not None:
                missed = without_gaps(missed, gaps[starts[:, None] + _ahead(layout)].mT)
            residuals.append(missed)
            variances.append(recent_variances(some.own / some.deviation, compared))
    return OutOfSample(
        torch.cat(residuals, 1), torch.cat(variances, 1), compared, _window_counts(split)
    )


def _ahead(layout: WindowLayout) -> Tensor:
    """Return the rows of a window's targets, counted from its first, (H,)."""
    return torch.arange(layout.width)[layout.targets]


def without_gaps(residuals: Tensor, gaps: Tensor) -> Tensor:
    """Return residuals (C, T, H) with those of targets that were missing taken from others.

    From the window before, at the same step of the same channel, whose target was there, or the
    first of all; where there is none they are zero.

    Parameters
    ----------
    residuals : Tensor, shape (C, T, H)
    gaps : Tensor, shape (T, C, H), bool
    """
    there = ~gaps.transpose(0, 1).to(residuals.device)
    number = torch.arange(residuals.shape[1], device=residuals.device)[:, None]
    nearest = torch.where(there, number, -1).cummax(dim=1).values
    first = there.long().argmax(dim=1, keepdim=True)
    nearest = torch.where(nearest >= 0, nearest, first)
    return torch.where(there.any(dim=1, keepdim=True), residuals.gather(1, nearest), 0.0)


def _window_counts(split: DataSplit) -> tuple[int, ...]:
    return tuple(len(one.target) - split.problem.width + 1 for one in split.cache.series)

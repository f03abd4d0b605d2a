"""Residuals of windows that were not trained on, of channels that each have their own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from hyperforecast.nn.exact.intervals.leave_out import (
    WindowSpan,
    gap_beside,
    solve_beside,
    widened_span,
)
from hyperforecast.nn.exact.intervals.out_of_sample import (
    FEW_BLOCKS,
    MANY_BLOCKS,
    MAX_VALUES,
    without_solution,
)
from hyperforecast.nn.exact.moments.own_window_cache import OwnWindowCache
from hyperforecast.nn.exact.regressions.weights import BasisWeights
from hyperforecast.nn.exact.settings.solution import ExactSolution
from hyperforecast.nn.exact.splits.data_split import DataSplit
from hyperforecast.nn.exact.uncertainty.spread import spread
from hyperforecast.nn.exact.uncertainty.volatility import compared_spans
from hyperforecast.nn.exact.windows.own_windows import OwnWindows
from hyperforecast.nn.layers.channel_offsets import recent_variances

MIN_OF_CHANNEL, MAX_OF_CHANNEL = 32, 512
"""Numbers of a channel's windows that residuals are taken of at least, where there are as many, and
at most."""


@dataclass(frozen=True)
class OwnOutOfSample:
    """Residuals of windows that were not trained on, of each channel as many as it has.

    Attributes
    ----------
    residuals : Tensor, shape (C, K, H)
        In units of the constant regressor; zero where there is none.
    variances : Tensor, shape (C, K, J)
        Of the last values of their inputs, in the same units squared.
    known : Tensor, shape (C, K, H), bool
        Where there is a residual: windows that a channel has, targets that were observed.
    times : Tensor, shape (C, K), int64
        When each window begins.
    spans : tuple of int
        Of how many values each.
    channels, counts : Tensor, shape (S,), int64
        Of every stretch of rows that these were taken from: the channel, and how many consecutive
        windows it holds.
    """

    residuals: Tensor
    variances: Tensor
    known: Tensor
    times: Tensor
    spans: tuple[int, ...]
    channels: Tensor
    counts: Tensor

    @classmethod
    def joined(cls, parts: Sequence["OwnOutOfSample"]) -> "OwnOutOfSample":
        """Put several together."""

        def beside(name: str) -> Tensor:
            return torch.cat([getattr(part, name) for part in parts], dim=1)

        def after(name: str) -> Tensor:
            return torch.cat([getattr(part, name) for part in parts])

        return cls(
            beside("residuals"),
            beside("variances"),
            beside("known"),
            beside("times"),
            parts[0].spans,
            after("channels"),
            after("counts"),
        )


def own_held_out_residuals(split: DataSplit, solution: ExactSolution) -> OwnOutOfSample:
    """Return the residuals of a solution on windows of another split."""
    spans = [WindowSpan(number, 0, count) for number, count in enumerate(_counts(split))]
    residuals = _Residuals(split, solution)
    return residuals.joined([residuals.of(spans, solution.weights)])


def own_leave_out_residuals(split: DataSplit, solution: ExactSolution) -> OwnOutOfSample:
    """Return the residuals of a solution's windows, each by weights fitted without it.

    Of every stretch of rows a block of windows is left out at a time, the first ones of all, then
    those that follow, and with each of them the windows beside it: see
    :func:`~hyperforecast.nn.exact.intervals.leave_out.gap_beside`.
    """
    counts, reach = _counts(split), split.problem.shift + split.problem.horizon - 1
    few = sum(counts) < 32 * (reach + 1) * len(counts)
    nothing = without_solution(solution)
    residuals = _Residuals(split, solution)
    found = []
    for block in _blocks(counts, MANY_BLOCKS if few else FEW_BLOCKS):
        around = [
            widened_span(
                span,
                gap_beside([WindowSpan(0, span.first, span.stop)], [counts[span.series]], reach),
                counts[span.series],
            )
            for span in block
        ]
        found.append(residuals.of(block, solve_beside(split, solution, around) or nothing))
    return residuals.joined(found)


def _blocks(counts: Sequence[int], n_blocks: int) -> Iterator[list[WindowSpan]]:
    """Cut the windows of each series into blocks, the k-th of all of them together."""
    cuts = [[round(count * k / n_blocks) for k in range(n_blocks + 1)] for count in counts]
    for begins, ends in pairwise(zip(*cuts, strict=True)):
        spans = enumerate(zip(begins, ends, strict=True))
        block = [WindowSpan(number, first, stop) for number, (first, stop) in spans if first < stop]
        if block:
            yield block


class _Residuals:
    """Residuals of a share of the windows of spans.

    Parameters
    ----------
    split : DataSplit
    solution : ExactSolution
    """

    def __init__(self, split: DataSplit, solution: ExactSolution) -> None:
        self.split = split
        self.solution = solution
        problem = split.problem
        assert problem.n_channels is not None
        n_channels = self._n_channels = problem.n_channels
        self._mixing = solution.mixing
        if problem.rows is not None:
            self._mixing = solution.mixing[problem.rows.to(solution.mixing.device)]
        fits = MAX_VALUES // (n_channels * problem.width)
        self._most = min(MAX_OF_CHANNEL, max(MIN_OF_CHANNEL, fits))
        of_channel = torch.zeros(n_channels, dtype=torch.int64)
        for one, count in zip(split.series, _counts(split), strict=True):
            of_channel[one.numbers.cpu()] += count
        self._of_channel = of_channel
        self._layout = split.layout(solution.setting.view)
        self._spans = tuple(compared_spans(self._layout.lookback))

    def of(self, block: Sequence[WindowSpan], weights: BasisWeights) -> OwnOutOfSample:
        """Return those of some windows of spans, by given weights."""
        split, layout = self.split, self._layout
        series = [split.series[span.series] for span in block]
        starts = []
        for one, span in zip(series, block, strict=True):
            length = span.stop - span.first
            share = min(1.0, self._most / int(self._of_channel[one.numbers.cpu()].max()))
            starts.append(span.first + spread(length, max(1, round(share * length))))
        windows = OwnWindows(series, layout.width, self._n_channels, starts)
        begins = torch.tensor([one.start or 0 for one in series]).to(windows.start)
        most = windows.most(slice(None))
        residuals, variances, known, times = [], [], [], []
        assert isinstance(split.cache, OwnWindowCache)
        step = split.cache.window_chunks(layout)[0].stop
        for first in range(0, self._n_channels, step):
            channels = slice(first, min(first + step, self._n_channels))
            rows, there = windows.rows(layout, channels, 0, most)
            of_channels = weights.of_channels(self._mixing[channels])
            unit = torch.where(there[..., None], rows.deviation, 1.0)
            observed = there[..., None] & ~windows.gaps(layout.targets, channels, most)
            residuals.append(torch.where(observed, rows.residuals(*of_channels) / unit, 0.0))
            variances.append(recent_variances(rows.own / unit, self._spans))
            known.append(observed)
            time = torch.zeros(there.shape, dtype=torch.int64, device=there.device)
            within = (channels.start <= windows.channel) & (windows.channel < channels.stop)
            time[there] = (begins[windows.series] + windows.start)[within]
            times.append(time)
        none = torch.zeros(0, dtype=torch.int64)
        return OwnOutOfSample(
            torch.cat(residuals),
            torch.cat(variances),
            torch.cat(known),
            torch.cat(times),
            self._spans,
            none,
            none,
        )

    def joined(self, parts: Sequence[OwnOutOfSample]) -> OwnOutOfSample:
        """Put those of several blocks together, with what they were taken from."""
        counts = torch.tensor(_counts(self.split))
        n_columns = torch.tensor([one.n_channels for one in self.split.series])
        return replace(
            OwnOutOfSample.joined(parts),
            channels=torch.cat([one.numbers for one in self.split.series]).cpu(),
            counts=counts.repeat_interleave(n_columns),
        )


def _counts(split: DataSplit) -> list[int]:
    """Return the number of windows of each series of a split."""
    return [one.n_rows - split.problem.width + 1 for one in split.series]

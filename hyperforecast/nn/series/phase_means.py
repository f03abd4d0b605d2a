"""Means of the phases of periods, over training rows and as far as the rows bear them out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import torch
from torch import Tensor

MIN_OCCURRENCES = 2
"""Number of whole periods that a series has to hold: means are told from noise by several."""


class PhasedRows(NamedTuple):
    """Rows of a series whose phases are known.

    Attributes
    ----------
    values : Tensor, shape (T, C)
        NaN where a value is missing.
    phase : int
        Of the first row.
    numbers : Tensor, shape (C,), int64
        Which of all channels the columns are.
    """

    values: Tensor
    phase: int
    numbers: Tensor


@dataclass(frozen=True)
class PhaseMeans:
    """What each phase of some periods adds to each channel, zero on average over a period.

    One period after the other, the shortest first, in what those before have left. Rows count as
    differences from their level, the mean over a period around each of them, as in the classical
    decomposition by moving averages. The means over the occurrences of the period are then shrunk
    towards zero, by the factor that is best for occurrences left out: of each channel one for each
    octave of harmonics, so that a smooth course stays and noise goes (blockwise James-Stein: see
    Cavalier & Tsybakov, "Penalized blockwise Stein's method, monotone oracles and sharp adaptive
    estimation", Mathematical Methods of Statistics 10, 2001). A period without any effect has
    means about zero.

    Attributes
    ----------
    periods : tuple of int
        In steps, ascending.
    values : tuple of Tensor, each of shape (C, period)
    """

    periods: tuple[int, ...]
    values: tuple[Tensor, ...]

    @classmethod
    def of(cls, series: Sequence[PhasedRows], periods: Sequence[int], n_channels: int) -> Self:
        """Estimate the means from series.

        Parameters
        ----------
        series : sequence of PhasedRows
            Several may hold the same channel. One with fewer than two whole periods does not count
            for these.
        periods : sequence of int
            Ascending.
        n_channels : int
            Number C of all channels; zero is added to one without any whole period.
        """
        found = cls((), ())
        for period in periods:
            zeros = series[0].values.new_zeros(n_channels, period)
            values = _shrunken_means(found.left_of(series, period), period, zeros)
            found = cls((*found.periods, period), (*found.values, values))
        return found

    def left_of(self, series: Sequence[PhasedRows], period: int) -> list[PhasedRows]:
        """Return series that hold a further period twice, less these means."""
        return [
            one._replace(values=one.values - self.over(one.phase, len(one.values), one.numbers))
            for one in series
            if len(one.values) >= MIN_OCCURRENCES * period
        ]

    def over(self, phase: int, n_rows: int, numbers: Tensor) -> Tensor:
        """Return what is added to rows (T, C') of some channels, from a phase on."""
        total = torch.zeros(n_rows, len(numbers), dtype=torch.float64, device=numbers.device)
        for period, values in zip(self.periods, self.values, strict=True):
            at = (phase + torch.arange(n_rows, device=numbers.device)) % period
            total = total + values.to(total)[numbers][:, at].T
        return total

    def divided_by(self, deviation: Tensor) -> Self:
        """Return the means in units (C,) of the channels; none of a channel without a unit."""
        scale = torch.where(deviation > 0, 1 / deviation, 0.0)[:, None]
        return type(self)(self.periods, tuple(one * scale.to(one) for one in self.values))


class Harmonics(NamedTuple):
    """What the occurrences of a period have of each harmonic.

    Attributes
    ----------
    sums : Tensor, shape (C, F), complex128
    squares : Tensor, shape (C, F)
        Sums of absolute squares.
    counts : Tensor, shape (C, 1)
        Number of occurrences of each channel.
    """

    sums: Tensor
    squares: Tensor
    counts: Tensor

    @classmethod
    def of(cls, series: Iterable[PhasedRows], period: int, like: Tensor) -> Self:
        """Return those of all rows, of as many channels as ``like`` (C, ...) has."""
        sums = like.new_zeros(len(like), period // 2 + 1, dtype=torch.complex128)
        squares, counts = sums.real.clone(), like.new_zeros(len(like), 1, dtype=torch.float64)
        for one in series:
            harmonics = torch.fft.rfft(_occurrences(one, period), dim=1)  # (n, P // 2 + 1, C)
            sums.index_add_(0, one.numbers, harmonics.sum(dim=0).T)
            squares.index_add_(0, one.numbers, harmonics.abs().square().sum(dim=0).T)
            counts.index_add_(0, one.numbers, torch.full_like(counts[one.numbers], len(harmonics)))
        return cls(sums, squares, counts)


def over_octaves(values: Tensor) -> Tensor:
    """Sum values (..., F) of harmonics over the octave of each; the level is one by itself."""
    octaves = torch.arange(values.shape[-1], device=values.device).clamp(min=1).log2().long() + 1
    octaves[0] = 0
    return torch.zeros_like(values).index_add_(-1, octaves, values)[..., octaves]


def _shrunken_means(series: Iterable[PhasedRows], period: int, zeros: Tensor) -> Tensor:
    """Return the means (C, P) of each phase, shrunk by octaves of harmonics."""
    sums, squares, counts = Harmonics.of(series, period, zeros)
    # of the mean m of all other occurrences the multiple g m nearest to the one left out, summed
    # over occurrences: g = sum <x, m> / sum <m, m>
    others = (counts - 1).clamp(min=1)
    power = sums.abs().square()
    along = over_octaves((power - squares) / others)
    alone = over_octaves(((counts - 2) * power + squares) / others.square())
    shrinkage = torch.where(alone > 0, along / alone, 0.0).clamp(0.0, 1.0)
    shrinkage[:, 0] = 0.0  # the level is no matter of phases
    means = torch.fft.irfft(shrinkage * sums / counts.clamp(min=1), n=period, dim=1)
    return means.to(zeros)


def _occurrences(series: PhasedRows, period: int) -> Tensor:
    """Return the latest whole occurrences (n, P, C) of a period, less the rows' level."""
    values = series.values.double()
    values = values - values.nanmean(dim=0)  # of a large level little but rounding would be left
    count = len(values) // period
    rows = (values - _level(values, period))[-count * period :]
    first = (series.phase + len(series.values) - count * period) % period
    rows = rows.unflatten(0, (count, period)).roll(first, dims=1)
    return torch.where(rows.isnan(), rows.nanmean(dim=0).nan_to_num(), rows)


def _level(values: Tensor, period: int) -> Tensor:
    """Return the mean over a period around each row (T, C), of the nearest one at both ends."""
    known = ~values.isnan()
    sums, counts = (
        torch.cat([one.new_zeros(1, one.shape[1]), one.cumsum(dim=0)])
        for one in (values.nan_to_num(), known.double())
    )
    n_rows = len(values)
    start = (torch.arange(n_rows, device=values.device) - period // 2).clamp(0, n_rows - period)
    return (sums[start + period] - sums[start]) / (counts[start + period] - counts[start])

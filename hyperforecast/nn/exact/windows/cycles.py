"""Cycles taken away from observed series, so that all that is solved for is of what they leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from hyperforecast.nn.exact.windows.observed_series import ObservedSeries
from hyperforecast.nn.series.phase_means import PhasedRows, PhaseMeans


@dataclass(frozen=True)
class Cycles:
    """What the phases of some periods add to series, and to what is known beside them.

    A regression on series less their cycles is one with a mean of its own for each phase only if
    covariates lose theirs too (Frisch & Waugh 1933; Lovell 1963).

    Attributes
    ----------
    target : PhaseMeans
        Of the channels.
    past, future : PhaseMeans, optional
        Of the covariates.
    """

    target: PhaseMeans
    past: PhaseMeans | None = None
    future: PhaseMeans | None = None

    @classmethod
    def of(
        cls, series: Sequence[ObservedSeries], periods: Sequence[int], n_channels: int | None = None
    ) -> Self:
        """Estimate the cycles of some periods.

        Parameters
        ----------
        series : sequence of ObservedSeries
            Which say their phases. Missing values do not count, weights are passed over.
        periods : sequence of int
            Ascending; without any there is nothing to be taken away.
        n_channels : int, optional
            Number of all channels, where series hold some of them each.
        """
        first = series[0]
        rows = [PhasedRows(one.known, one.phase or 0, one.numbers) for one in series]
        target = PhaseMeans.of(rows, periods, n_channels or first.n_channels)

        def means(covariates: Sequence[Tensor | None]) -> PhaseMeans | None:
            rows = [
                PhasedRows(values, one.phase or 0, _numbers(values))
                for one, values in zip(series, covariates, strict=True)
                if values is not None
            ]
            return PhaseMeans.of(rows, periods, rows[0].values.shape[1]) if rows else None

        return cls(
            target, means([one.past for one in series]), means([one.future for one in series])
        )

    @property
    def periods(self) -> tuple[int, ...]:
        """Of the cycles, ascending."""
        return self.target.periods

    def taken_from(self, series: Sequence[ObservedSeries]) -> list[ObservedSeries]:
        """Return series less their cycles."""
        return [self._taken_from(one) for one in series] if self.periods else list(series)

    def _taken_from(self, series: ObservedSeries) -> ObservedSeries:
        def left(values: Tensor, means: PhaseMeans, numbers: Tensor) -> Tensor:
            return values - means.over(series.phase or 0, len(values), numbers)

        others = {
            name: left(values, means, _numbers(values))
            for name, values, means in (
                ("past", series.past, self.past),
                ("future", series.future, self.future),
            )
            if values is not None and means is not None
        }
        target = left(series.target, self.target, series.numbers)
        return series.replaced(target=target, **others)


def _numbers(values: Tensor) -> Tensor:
    return torch.arange(values.shape[1], device=values.device)

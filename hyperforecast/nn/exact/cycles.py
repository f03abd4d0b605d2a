"""Cycles taken away from observed series, so that all that is solved for is of what they leave."""

from collections.abc import Sequence

from hyperforecast.nn.exact.observed_series import ObservedSeries
from hyperforecast.nn.phase_means import PhasedRows, PhaseMeans


def cycle_of(
    series: Sequence[ObservedSeries], periods: Sequence[int], n_channels: int | None = None
) -> PhaseMeans:
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
    rows = [PhasedRows(one.known, one.phase or 0, one.numbers) for one in series]
    return PhaseMeans.of(rows, periods, n_channels or series[0].n_channels)


def without_cycle(
    series: Sequence[ObservedSeries], cycle: PhaseMeans | None
) -> list[ObservedSeries]:
    """Return series less their cycles."""
    if cycle is None or not cycle.periods:
        return list(series)
    return [
        one.replaced(target=one.target - cycle.over(one.phase or 0, one.n_rows, one.numbers))
        for one in series
    ]

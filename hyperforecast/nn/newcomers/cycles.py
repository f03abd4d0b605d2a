"""Cycles of newcomers: drawn towards the known ones, and taken away from rows."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from hyperforecast.nn.exact import ObservedSeries
from hyperforecast.nn.exact.windows.units import MeanDeviation
from hyperforecast.nn.layers.cycle import Cycle
from hyperforecast.nn.network import ForecastingNetwork
from hyperforecast.nn.series.phase_means import Harmonics, PhasedRows, PhaseMeans, over_octaves

TABLES = "cycle."
"""How the names of the tables of channels' cycles begin."""

CYCLES = ("cycle", "past_cycle", "future_cycle")
"""Cycles of a network: of its channels, past covariates and future ones."""


@dataclass(frozen=True)
class CyclePrior:
    r"""What the cycles of known channels say of another's, in units of each one's deviation.

    Harmonics are taken to be normal, :math:`c \sim N(m, \tau^2)`, with the mean and, over an
    octave, the variance of the known ones; those of single occurrences of a period to be
    :math:`c + N(0, \sigma^2)`, with the variance that the rows show. Of k occurrences with mean
    :math:`\bar x` the cycle expected is :math:`m + (\bar x - m) \tau^2 / (\tau^2 + \sigma^2 / k)`
    (empirical Bayes: Efron & Morris, "Data Analysis Using Stein's Estimator and its
    Generalizations", Journal of the American Statistical Association 70, 1975).

    Attributes
    ----------
    periods : tuple of int
        In steps, ascending.
    means : tuple of Tensor, each of shape (period // 2 + 1,), complex128
        m of each harmonic.
    variances : tuple of Tensor, each of shape (period // 2 + 1,)
        Their :math:`\tau^2`.
    """

    periods: tuple[int, ...]
    means: tuple[Tensor, ...]
    variances: tuple[Tensor, ...]

    @classmethod
    def of(cls, known: PhaseMeans) -> Self:
        """Return what known cycles say; a single one is taken to be as unlike others as zero is."""
        means, variances = [], []
        for values in known.values:
            harmonics = torch.fft.rfft(values.double(), dim=1)
            mean, n_known = harmonics.mean(dim=0), len(harmonics)
            differing = harmonics - mean if n_known > 1 else harmonics
            squares = differing.abs().square().sum(dim=0) / max(1, n_known - 1)
            means.append(mean)
            variances.append(_mean_over_octaves(squares))
        return cls(known.periods, tuple(means), tuple(variances))

    def drawn(self, series: Sequence[PhasedRows], n_channels: int) -> PhaseMeans:
        """Return the cycles expected of channels, given their rows in units of their deviations.

        Parameters
        ----------
        series : sequence of PhasedRows
            One with fewer than two whole periods does not count for these.
        n_channels : int
            Number C of new channels.
        """
        found = PhaseMeans((), ())
        for period, mean, variance in zip(self.periods, self.means, self.variances, strict=True):
            like = torch.zeros(n_channels, period, dtype=torch.float64)
            sums, squares, counts = Harmonics.of(found.left_of(series, period), period, like)
            n = counts.clamp(min=1)
            own = sums / n
            departures = squares - n * own.abs().square()
            noise = _mean_over_octaves(departures / (n - 1).clamp(min=1)) / n
            share = torch.where((counts > 0) & (variance > 0), variance / (variance + noise), 0.0)
            share[:, 0] = 0.0  # the level is no matter of phases
            values = torch.fft.irfft(mean + share * (own - mean), n=period, dim=1)
            found = PhaseMeans((*found.periods, period), (*found.values, values))
        return found


class NewcomerCycles:
    """Finds the cycles of newcomers of a network, and the units of what these leave.

    Parameters
    ----------
    network : ForecastingNetwork
        With cycles. The first rows of its tables are those of what is known.
    n_known : int
        How many.
    """

    def __init__(self, network: ForecastingNetwork, n_known: int) -> None:
        assert network.cycle is not None
        assert network.periods is not None
        tables = tuple(one[:n_known].detach().double().cpu() for one in network.cycle.values)
        means = PhaseMeans(network.periods, tables)
        if network.standardiser is not None:  # in units of what cycles leave of the rows
            squares = sum(one.square().mean(dim=1) for one in tables)
            means = means.divided_by((1.0 + squares).sqrt())
        elif network.weights_by == "channel":
            means = means.divided_by(network.gap_filler.deviation[:n_known].double().cpu())
        self.prior = CyclePrior.of(means)

    @torch.no_grad()
    def write(
        self,
        network: ForecastingNetwork,
        numbers: Sequence[int],
        rows: Sequence[PhasedRows],
        units: MeanDeviation,
    ) -> MeanDeviation:
        """Write the cycles of newcomers, and the units of what is left, into a network.

        Parameters
        ----------
        network : ForecastingNetwork
        numbers : sequence of int
            Which rows of its tables are theirs, (n,).
        rows : sequence of PhasedRows
            What is known of them, numbered from zero on.
        units : MeanDeviation, shape (n,) each
            Of these rows; or of one, where a network neither standardises nor has weights by
            channel.

        Returns
        -------
        MeanDeviation
            Units of the rows less their cycles.
        """
        assert network.cycle is not None
        unit = torch.where(units.deviation > 0, units.deviation, torch.inf)
        in_units = [one._replace(values=one.values / unit[one.numbers]) for one in rows]
        means = self.prior.drawn(in_units, len(numbers)).divided_by(1 / unit)
        left = units
        if rows:
            left = MeanDeviation.of(
                [one.values - means.over(one.phase, len(one.values), one.numbers) for one in rows]
            )
        if network.standardiser is not None:
            means = means.divided_by(left.deviation)
            network.standardiser.set_units_of(numbers, *left)
        for table, phases in zip(network.cycle.values, means.values, strict=True):
            table[list(numbers)] = phases.to(table)
        return left


def without_cycles(network: ForecastingNetwork) -> ForecastingNetwork:
    """Return a network that shares all with one but its cycles, for rows without these."""
    bare = copy.copy(network)
    bare._modules = {**network._modules, **dict.fromkeys(CYCLES)}
    return bare


@torch.no_grad()
def less_cycles(
    network: ForecastingNetwork, series: Sequence[ObservedSeries], numbers: Sequence[int]
) -> list[ObservedSeries]:
    """Return series less the cycles of a network, those of their covariates, too.

    Parameters
    ----------
    network : ForecastingNetwork
        One without cycles leaves series as they are.
    series : sequence of ObservedSeries
        Which say their phases.
    numbers : sequence of int
        Which rows of the network's tables their columns are.
    """
    if network.cycle is None:
        return list(series)
    units = network.standardiser

    def left(values: Tensor, cycle: Cycle, deviation: Tensor | None, phase: int) -> Tensor:
        at = torch.tensor([phase], device=cycle.values[0].device)
        picked = torch.tensor(list(numbers) if cycle is network.cycle else range(values.shape[1]))
        rows = cycle(at, len(values), picked[None].to(at.device))[0].T.double().cpu()
        if deviation is not None:
            rows = rows * deviation[picked.to(deviation.device)].double().cpu()
        return values - rows.to(values.device)

    taken = []
    for one in series:
        assert one.phase is not None
        parts = {}
        for kind, cycle in zip(("target", "past", "future"), CYCLES, strict=True):
            values, its_cycle = getattr(one, kind), getattr(network, cycle)
            if values is not None and its_cycle is not None:
                deviation = None if units is None else getattr(units, f"{kind}_deviation")
                parts[kind] = left(values, its_cycle, deviation, one.phase)
        taken.append(one.replaced(**parts))
    return taken


def _mean_over_octaves(values: Tensor) -> Tensor:
    return over_octaves(values) / over_octaves(torch.ones_like(values))

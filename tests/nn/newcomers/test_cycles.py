"""Cycles of newcomers, against single harmonics and made courses."""

import math
from typing import Any

import torch
from torch import Tensor

from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.exact import ObservedSeries
from hyperforecast.nn.exact.windows.units import MeanDeviation
from hyperforecast.nn.newcomers import NewcomerCycles, less_cycles, without_cycles
from hyperforecast.nn.newcomers.cycles import CyclePrior
from hyperforecast.nn.series.phase_means import PhasedRows, PhaseMeans
from hyperforecast.nn.windows import WindowCutter

P = 6
ONE = torch.zeros(1, dtype=torch.int64)
STEPS = torch.arange(P, dtype=torch.float64)


def wave(size: float) -> Tensor:
    """One harmonic (P,) of a size."""
    return size * torch.cos(2 * torch.pi * STEPS / P)


def known(*sizes: float) -> PhaseMeans:
    return PhaseMeans((P,), (torch.stack([wave(size) for size in sizes]),))


def occurrences(*sizes: float) -> PhasedRows:
    """Occurrences one after the other, whose level is the same all along."""
    rows = torch.cat([wave(size) for size in sizes])[:, None]
    return PhasedRows(rows, 0, ONE)


def drawn(prior: CyclePrior, *series: PhasedRows) -> Tensor:
    return prior.drawn(series, 1).values[0][0]


def test_without_two_occurrences_it_is_the_mean_of_the_known() -> None:
    prior = CyclePrior.of(known(1.0, 2.0, 6.0))
    none = PhasedRows(torch.zeros(0, 1).double(), 0, ONE)
    torch.testing.assert_close(drawn(prior, none), wave(3.0))
    torch.testing.assert_close(drawn(prior, occurrences(9.0)), wave(3.0))


def test_occurrences_that_agree_are_the_cycle() -> None:
    prior = CyclePrior.of(known(1.0, 2.0, 6.0))
    torch.testing.assert_close(drawn(prior, occurrences(4.0, 4.0, 4.0)), wave(4.0))
    late = occurrences(4.0, 4.0, 4.0)
    late = PhasedRows(late.values[2:], 2, ONE)
    torch.testing.assert_close(drawn(prior, late), wave(4.0))


def test_known_cycles_that_agree_leave_nothing_to_the_rows() -> None:
    torch.testing.assert_close(
        drawn(CyclePrior.of(known(2.0, 2.0)), occurrences(5.0, 9.0)), wave(2.0)
    )


def test_of_a_single_known_cycle_another_is_as_far_as_zero() -> None:
    prior = CyclePrior.of(known(2.0))
    harmonic = torch.fft.rfft(wave(2.0))[1].abs().item()
    assert math.isclose(prior.variances[0][1].item(), harmonic**2)
    torch.testing.assert_close(drawn(prior), wave(2.0))


def test_what_is_between_is_weighed_by_variances() -> None:
    sizes, taken = (1.0, 2.0, 6.0), (3.0, 5.0, 7.0, 5.0)
    rows = [occurrences(*taken[:2]), occurrences(*taken[2:])]  # no edge lies between two levels
    unit = torch.fft.rfft(wave(1.0))[1].abs().item()
    variance = unit**2 * torch.tensor(sizes).var().item()
    # what the level takes of an occurrence is the same wherever it changes: measure its harmonics
    found = [torch.fft.rfft(part.reshape(2, P) - _level(part)) for part in (r.values for r in rows)]
    first = torch.cat(found)[:, 1]
    noise = (first - first.mean()).abs().square().sum().item() / 3
    share = variance / (variance + noise / 4)
    expected = 3.0 * unit + share * (first.mean() - 3.0 * unit)
    result = torch.fft.rfft(drawn(CyclePrior.of(known(*sizes)), *rows))[1]
    torch.testing.assert_close(result, expected)


def _level(rows: Tensor) -> Tensor:
    """The mean over a period around each row, of the nearest one at both ends."""
    starts = [min(max(row - P // 2, 0), len(rows) - P) for row in range(len(rows))]
    return torch.stack([rows[first : first + P].mean() for first in starts]).reshape(2, P)


def test_periods_follow_each_other() -> None:
    longer = torch.cat([wave(2.0), -wave(2.0)])
    values = torch.stack([longer, longer])
    prior = CyclePrior.of(PhaseMeans((P, 2 * P), (known(1.0, 3.0).values[0], values)))
    rows = torch.cat([wave(4.0), wave(4.0)]).repeat(6)[:, None]
    found = prior.drawn([PhasedRows(rows, 0, ONE)], 1)
    torch.testing.assert_close(found.values[0][0], wave(4.0))
    torch.testing.assert_close(found.values[1][0], longer)


def networks(**options: Any) -> ForecastingNetwork:
    torch.manual_seed(0)
    network = ForecastingNetwork(
        lookback=4,
        horizon=2,
        n_channels=3,
        backbone="nlinear",
        n_past_covariates=2,
        n_future_covariates=1,
        periods=(P,),
        **options,
    ).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_()
    if network.standardiser is not None:
        for buffer in network.standardiser.buffers():
            buffer.uniform_(0.5, 2.0)
    return network.eval()


@torch.no_grad()
def test_rows_less_cycles_are_what_a_network_without_them_sees() -> None:
    for standardised in (False, True):
        network = networks(standardised=standardised)
        rows = [torch.randn(20, n, dtype=torch.float64) for n in (3, 2, 1)]
        series = ObservedSeries(rows[0], past=rows[1], future=rows[2], phase=4)
        cutter = WindowCutter(4, 2, 0, torch.float64)
        (windows,) = cutter.blocks([series], 100)
        (left,) = cutter.blocks(less_cycles(network, [series], range(3)), 100)
        expected = network(*windows[:4], phase=windows.phase)[..., 0]
        found = without_cycles(network)(*left[:4])[..., 0]
        added = windows.future_target - left.future_target
        torch.testing.assert_close(found + added, expected)
        assert added.abs().mean() > 0.1
        assert network.cycle is not None


def test_cycles_are_in_the_units_of_each() -> None:
    """Channels that differ by their units alone have one cycle; so has a newcomer."""
    torch.manual_seed(1)
    noise = torch.randn(20 * P, 1, dtype=torch.float64)
    one = 7.0 + wave(2.0).repeat(20)[:, None] + 0.3 * noise
    whole, left = MeanDeviation.of([one]), MeanDeviation.of([0.3 * noise])
    scales = torch.tensor([1.0, 10.0, 0.0]).double()
    given = [one * scales[1:], (one * scales[1:])[:2]]  # of ten times its unit, and of nothing
    rows = [PhasedRows(values, 0, torch.arange(2)) for values in given]
    units = MeanDeviation.of(given)
    for standardised in (False, True):
        network = networks(standardised=standardised)
        network.gap_filler.deviation.copy_(whole.deviation * scales)
        assert network.cycle is not None
        table = network.cycle.values[0]
        table.data.copy_(wave(2.0) * (1 / left.deviation if standardised else scales[:, None]))
        found = NewcomerCycles(network, 1).write(network, [1, 2], rows, units)
        truth = wave(2.0 / left.deviation.item() if standardised else 20.0)
        torch.testing.assert_close(table[1].data, truth, rtol=0.05, atol=0.05 * truth.max().item())
        assert not table[2].any()  # a constant channel has no unit, and no cycle
        torch.testing.assert_close(found.deviation[0], 10 * left.deviation[0], rtol=0.05, atol=0)
        if network.standardiser is not None:
            written = network.standardiser.target_deviation[1:]
            torch.testing.assert_close(written, found.deviation)

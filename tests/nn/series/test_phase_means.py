"""Means of phases, against made courses and occurrences left out one by one."""

import pytest
import torch
from torch import Tensor

from hyperforecast.nn.series.phase_means import PhasedRows, PhaseMeans

BOTH = torch.arange(2)


def course(period: int) -> Tensor:
    """Two channels (2, P) of zero mean: a smooth one, and one with a peak."""
    steps = torch.arange(period, dtype=torch.float64)
    peaked = (steps == 2).double()
    return torch.stack([torch.sin(2 * torch.pi * steps / period), peaked - peaked.mean()])


def repeated(values: Tensor, first: int, n_rows: int) -> Tensor:
    return values[:, (first + torch.arange(n_rows)) % values.shape[1]].T


def test_a_pure_course_is_found_from_any_first_phase() -> None:
    truth = course(6)
    for first in (0, 4, -1):
        # whole periods: the level is that of the course all along
        rows = PhasedRows(5.0 + repeated(truth, first, 30), first, BOTH)
        found = PhaseMeans.of([rows], [6], 2)
        torch.testing.assert_close(found.values[0], truth, atol=1e-12, rtol=0)
        torch.testing.assert_close(found.over(first, 8, BOTH), repeated(truth, first, 8))
        torch.testing.assert_close(found.over(3, 2, BOTH[1:]), repeated(truth, 3, 2)[:, 1:])


def test_rows_before_the_last_whole_periods_do_not_count() -> None:
    truth = course(6)
    rows = repeated(truth, 0, 30)
    odd = torch.cat([rows.new_tensor([[3.0, -3.0]] * 5), rows])  # the phase of row 0 is 1
    several = [PhasedRows(odd, 1, BOTH), PhasedRows(rows[:11], 0, BOTH)]
    # the level next to the odd rows has some of them
    found = PhaseMeans.of(several, [6], 2).values[0]
    assert (found - truth).abs().max() < 0.5
    alone = PhaseMeans.of(several[:1], [6], 2).values[0]
    torch.testing.assert_close(found, alone)  # eleven rows are not two periods


def test_day_and_week_are_told_apart() -> None:
    day, week = course(6), course(18)
    week = week - week.unflatten(1, (3, 6)).mean(dim=1).repeat(1, 3)  # nothing of the day
    rows = repeated(day, 0, 180) + repeated(week, 0, 180)
    found = PhaseMeans.of([PhasedRows(rows, 0, BOTH)], [6, 18], 2)
    torch.testing.assert_close(found.over(0, 18, BOTH), rows[:18], atol=0.02, rtol=0)
    torch.testing.assert_close(found.values[0], day, atol=0.02, rtol=0)


def test_shrinkage_is_best_for_occurrences_left_out() -> None:
    torch.manual_seed(0)
    days = course(8)[:1] + 0.7 * torch.randn(5, 8, dtype=torch.float64)
    days = days - days.mean(dim=1, keepdim=True)  # no level, so that rows count as they are
    rows = PhasedRows(days.flatten()[:, None], 0, torch.zeros(1, dtype=torch.int64))
    level = torch.stack([days.flatten()[max(0, min(t - 4, 32)) :][:8].mean() for t in range(40)])
    harmonics = torch.fft.rfft((days.flatten() - level).unflatten(0, (5, 8)), dim=1)
    expected = torch.zeros(5, dtype=torch.complex128)
    for octave in ([1], [2, 3], [4]):
        products = squares = 0.0
        for left_out in range(5):
            others = [n for n in range(5) if n != left_out]
            mean = harmonics[others].mean(dim=0)[octave]
            products += (harmonics[left_out, octave].conj() * mean).real.sum()
            squares += mean.abs().square().sum()
        shrunken = min(max(products / squares, 0.0), 1.0)
        expected[octave] = shrunken * harmonics.mean(dim=0)[octave]
    found = PhaseMeans.of([rows], [8], 1).values[0]
    torch.testing.assert_close(found[0], torch.fft.irfft(expected, n=8))


def test_noise_has_next_to_no_means() -> None:
    torch.manual_seed(0)
    noise = torch.randn(24 * 40, 50, dtype=torch.float64)
    found = PhaseMeans.of([PhasedRows(noise, 0, torch.arange(50))], [24], 50).values[0]
    plain = noise.unflatten(0, (40, 24)).mean(dim=0)
    assert found.square().mean() < 0.35 * plain.square().mean()


def test_missing_values_do_not_count() -> None:
    truth = course(6)
    rows = repeated(truth, 0, 60)
    torch.manual_seed(0)
    rows[torch.rand_like(rows) < 0.1] = torch.nan
    rows[:, 1][:12] = torch.nan
    found = PhaseMeans.of([PhasedRows(rows, 0, BOTH)], [6], 2).values[0]
    torch.testing.assert_close(found, truth, atol=0.1, rtol=0)


def test_several_series_give_the_means_of_all_their_occurrences() -> None:
    torch.manual_seed(0)
    rows = torch.randn(48, 2, dtype=torch.float64) + repeated(course(6), 0, 48)
    once = [PhasedRows(rows, 0, BOTH)]
    found = PhaseMeans.of([*once, PhasedRows(100.0 - rows, 0, BOTH)], [6], 2).values[0]
    assert found.abs().max() < 1e-9  # one is the other turned round
    apart = [PhasedRows(rows[:, :1], 0, BOTH[1:]), PhasedRows(rows[:, 1:], 0, BOTH[:1])]
    swapped = PhaseMeans.of(apart, [6], 3).values[0]
    torch.testing.assert_close(swapped[[1, 0]], PhaseMeans.of(once, [6], 2).values[0])
    assert not swapped[2].any()  # of which no series has rows


@pytest.mark.parametrize("deviation", [0.0, 2.0])
def test_units(deviation: float) -> None:
    means = PhaseMeans((6,), (course(6),)).divided_by(torch.tensor([4.0, deviation]))
    torch.testing.assert_close(means.values[0][0], course(6)[0] / 4)
    expected = course(6)[1] / deviation if deviation else torch.zeros(6, dtype=torch.float64)
    torch.testing.assert_close(means.values[0][1], expected)

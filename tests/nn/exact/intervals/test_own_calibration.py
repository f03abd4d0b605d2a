"""Quantiles of channels that each have their own windows."""

import math
import warnings
from dataclasses import replace

import pytest
import torch
from made_series import noise
from test_own_effective_size import sample_of

from hyperforecast.nn.exact import ObservedSeries, Problem, SearchSpace, solve_exact
from hyperforecast.nn.exact.intervals.own_calibration import calibrate_own
from hyperforecast.nn.exact.settings.residual_quantiles import ResidualQuantiles
from hyperforecast.nn.exact.uncertainty.student_t import student_t_quantiles

INTERVAL = (0.05, 0.5, 0.95)


def offsets_of(residuals: torch.Tensor, counts: list[int], levels=INTERVAL) -> torch.Tensor:
    """Offsets from residuals (C, K, H) of channels without a common time."""
    begins = [10**4 * n for n in range(len(counts))]
    problem = Problem(3, residuals.shape[2], quantiles=levels)
    return calibrate_own(sample_of(residuals, begins, counts), problem).offsets


def test_many_residuals_have_the_quantiles_of_their_own_distribution() -> None:
    """A normal one and a skewed one, of two scales each."""
    normal, skewed = noise(1, 8000, 1), noise(1, 8000, 1, seed=1).exp() - math.exp(0.5)
    residuals = torch.cat([normal, 9 * normal.flip(1), skewed, 0.1 * skewed.flip(1)])
    found = offsets_of(residuals, [8000] * 4)[:, 0] / torch.tensor([1, 9, 1, 0.1])[:, None]
    quantiles = torch.special.ndtri(torch.tensor(INTERVAL, dtype=torch.float64))
    of_skewed = quantiles.exp() - math.exp(0.5)
    expected = torch.stack([quantiles, quantiles, of_skewed, of_skewed])
    torch.testing.assert_close(found, expected, rtol=0, atol=0.12)


def test_channels_of_few_residuals_cover_what_comes() -> None:
    """Six each, of scales that differ: those of a channel alone would cover far less."""
    scales = 5.0 * (10 / torch.distributions.Chi2(torch.full((2000,), 10.0)).sample()).sqrt()
    draws = scales[:, None, None] * noise(2000, 7, 1)
    found = offsets_of(draws[:, :6], [6] * 2000)
    nexts = draws[:, 6]
    inside = (nexts >= found[..., 0]) & (nexts <= found[..., 2])
    assert inside.double().mean().item() == pytest.approx(0.9, abs=0.015)
    narrow, wide = scales < scales.median(), scales >= scales.median()
    assert inside[narrow].double().mean().item() == pytest.approx(0.93, abs=0.04)
    assert inside[wide].double().mean().item() == pytest.approx(0.87, abs=0.04)


def test_a_channel_without_residuals_has_those_of_the_others() -> None:
    residuals = 3.0 * noise(41, 50, 2)
    found = offsets_of(residuals, [50] * 40 + [0])
    torch.testing.assert_close(found[-1], found[:-1].mean(dim=0), rtol=0.1, atol=0.15)


@pytest.mark.parametrize("n_others", [0, 30])
def test_few_residuals_have_the_quantiles_of_student_t(n_others: int) -> None:
    """Where scales of channels have nothing in common, too."""
    residuals = torch.linspace(-1, 1, 8, dtype=torch.float64)[None, :, None]
    units = 1e3 ** torch.linspace(-1, 1, n_others).double()[:, None, None]
    others = torch.cat([residuals, units * residuals[:, :1].expand(-1, 8, -1)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        found = offsets_of(others, [8] + [1] * n_others)[0, 0]
    scale = residuals.abs().mean() * math.sqrt(math.pi / 2)
    expected = student_t_quantiles(torch.tensor([0.95]).double(), 8.0) * scale
    assert found[2] == pytest.approx(expected.item(), rel=0.04)


def test_do_not_depend_on_a_common_unit() -> None:
    residuals = noise(5, 40, 3)
    counts = [40, 12, 3, 1, 0]
    torch.testing.assert_close(
        offsets_of(1e6 * residuals, counts), 1e6 * offsets_of(residuals, counts)
    )


def test_of_nothing_but_zeros_are_zero() -> None:
    assert not offsets_of(torch.zeros(3, 50, 2).double(), [50, 5, 0]).any()


def test_the_middle_one_may_be_the_forecast() -> None:
    problem = Problem(3, 1, quantiles=INTERVAL, centred=True)
    found = calibrate_own(sample_of(noise(1, 500, 1) + 0.3, [0], [500]), problem).offsets
    assert found[0, 0, 1] == 0.0
    assert found[0, 0, 0] < 0.0 < found[0, 0, 2]


def test_scales_follow_the_window_where_that_calibrates_better() -> None:
    """Of all channels together, each of which has too few windows to tell."""
    variances = torch.tensor([0.1, 1.9], dtype=torch.float64).repeat(20).expand(60, 40)
    sample = sample_of(noise(60, 40, 1) * variances.sqrt()[..., None], [0] * 60, [40] * 60)
    units = torch.tensor([1.0, 4.0], dtype=torch.float64).repeat(30)[:, None]
    sample = replace(sample, variances=(variances * units)[..., None], spans=(3,))
    found = calibrate_own(sample, Problem(3, 1, quantiles=INTERVAL))
    assert found.volatility.spans == (3,)
    assert found.volatility.constant <= 0.125
    of_one, of_other = found.volatility.coefficients.unflatten(0, (30, 2)).mean(dim=0)
    assert (of_one / of_other).item() == pytest.approx(4.0, rel=0.15)
    told_nothing = replace(sample, variances=noise(60, 40, 1, seed=1).square(), spans=(3,))
    still = calibrate_own(told_nothing, Problem(3, 1, quantiles=INTERVAL))
    assert still.volatility.spans == ()


def test_a_channel_without_windows_has_the_usual_coefficient() -> None:
    variances = torch.tensor([0.1, 1.9], dtype=torch.float64).repeat(20).expand(61, 40)
    sample = sample_of(noise(61, 40, 1) * variances.sqrt()[..., None], [0] * 61, [40] * 60 + [0])
    sample = replace(sample, variances=variances[..., None], spans=(3,))
    coefficients = calibrate_own(sample, Problem(3, 1, quantiles=INTERVAL)).volatility.coefficients
    torch.testing.assert_close(coefficients[-1], coefficients[:-1].mean(dim=0), rtol=0.1, atol=0)


def test_neither_the_order_of_channels_nor_the_origin_of_time_says_anything() -> None:
    """Of more channels, and more windows, than are looked at."""
    n = 140
    variances = noise(n, 40, 1, seed=1).square() + 0.3
    residuals = noise(n, 40, 2) * variances.sqrt() + noise(1, 40, 2, seed=2)
    begins = [7 * (k % 5) for k in range(n)]
    sample = replace(sample_of(residuals, begins, [40] * n), variances=variances, spans=(3,))
    turned = replace(
        sample,
        **{name: getattr(sample, name).flip(0) for name in ("residuals", "variances", "known")},
        times=sample.times.flip(0) - 3,
    )
    problem = Problem(3, 2, quantiles=INTERVAL)
    straight, other = calibrate_own(sample, problem), calibrate_own(turned, problem)
    assert straight.volatility.spans == (3,)
    torch.testing.assert_close(other.offsets.flip(0), straight.offsets)
    torch.testing.assert_close(
        other.volatility.coefficients.flip(0), straight.volatility.coefficients
    )


def solution_of(series: list[ObservedSeries], n_channels: int) -> ResidualQuantiles:
    search = SearchSpace(("none",), (0,))
    problem = Problem(4, 2, search=search, quantiles=INTERVAL, n_channels=n_channels)
    solution = solve_exact(problem, series)
    assert solution.residual_quantiles is not None
    return solution.residual_quantiles


def test_solved_for_are_the_noise_in_units_of_each_channel() -> None:
    series = [
        ObservedSeries(10.0**n * noise(100 + 20 * n, 1, seed=n), channels=torch.tensor([n]))
        for n in range(12)
    ]
    found = solution_of(series, 12).offsets
    normal = torch.special.ndtri(torch.tensor(INTERVAL, dtype=torch.float64))
    torch.testing.assert_close(found.mean(dim=(0, 1)), normal, rtol=0, atol=0.15)
    assert (found.diff(dim=2) > 0).all()


def test_given_validation_series_are_joined() -> None:
    def series(loud: float, seed: int) -> list[ObservedSeries]:
        return [
            ObservedSeries(loud * noise(80, 1, seed=seed + n), channels=torch.tensor([n]))
            for n in range(6)
        ]

    search = SearchSpace(("none",), (0,))
    problem = Problem(4, 2, search=search, quantiles=INTERVAL, n_channels=6)

    def width(loud: float) -> float:
        solution = solve_exact(problem, series(1.0, 0), series(loud, 50))
        learned, units = solution.residual_quantiles, solution.units.target.deviation
        assert learned is not None
        return (learned.offsets.diff(dim=2) * units[:, None, None]).sum().item()

    assert width(10.0) > 3 * width(1.0)

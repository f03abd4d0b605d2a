"""Given maps of the window as solutions."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from solved_networks import forecasts, network_of, targets

from hyperforecast.nn.exact import ObservedSeries, Problem, fixed_solution, solved_network
from hyperforecast.nn.exact.uncertainty.drift import damped_drift_of

L, H, SHIFT = 5, 3, 2
PROBLEM = Problem(L, H, SHIFT)
WEIGHTS = torch.tensor([[0, 0, 0, 0, 1.0], [0.5, 0, 0, 0, 0.5], [0, 2, 0, 0, -1]])


def windows(series: ObservedSeries) -> torch.Tensor:
    n_windows = len(series.target) - PROBLEM.width + 1
    return series.target.unfold(0, L, 1)[:n_windows]  # (T, C, L)


@pytest.mark.parametrize("kinds", [(), ("past", "future", "static")])
def test_the_network_applies_the_map_whatever_else_it_is_given(
    make_series: Callable[..., ObservedSeries], kinds: tuple[str, ...]
) -> None:
    series = make_series(kinds=kinds)
    network = network_of(fixed_solution(PROBLEM, [series], WEIGHTS), PROBLEM, series)
    expected = torch.einsum("tcl,hl->thc", windows(series), WEIGHTS.double())
    torch.testing.assert_close(forecasts(network, PROBLEM, series), expected)


def test_a_drift_moves_on_by_the_damped_drift_of_all_rows(
    make_series: Callable[..., ObservedSeries],
) -> None:
    series = [make_series(40), make_series(30, seed=1)]
    trend = torch.tensor([0.1, 0.5, 2.0], dtype=torch.float64)
    series = [
        replace(one, target=one.target + trend * torch.arange(len(one.target))[:, None])
        for one in series
    ]
    last = torch.zeros(H, L)
    last[:, -1] = 1.0
    network = network_of(fixed_solution(PROBLEM, series, last, drift=True), PROBLEM, series[0])
    steps = torch.cat([one.target.diff(dim=0) for one in series])
    ahead = SHIFT + 1.0 + torch.arange(H, dtype=torch.float64)
    drift = damped_drift_of(steps)
    assert (drift != steps.mean(dim=0)).all()
    expected = windows(series[0])[..., -1][:, None] + ahead[:, None] * drift
    torch.testing.assert_close(forecasts(network, PROBLEM, series[0]), expected)


def test_quantiles_hold_the_errors_of_all_windows(
    make_series: Callable[..., ObservedSeries],
) -> None:
    series = make_series(2000)
    problem = replace(PROBLEM, quantiles=(0.05, 0.5, 0.95), centred=True)
    solution = fixed_solution(problem, [series], WEIGHTS)
    arguments = {"lookback": L, "horizon": H, "n_channels": 3, "backbone": "nlinear"}
    roles = ["location"] * 3
    network = solved_network({**arguments, "parts": {}, "output_roles": roles}, solution).eval()
    low, middle, high = forecasts(network, PROBLEM, series).unbind(-1)  # (T, H, C)
    expected = torch.einsum("tcl,hl->thc", windows(series), WEIGHTS.double())
    torch.testing.assert_close(middle, expected)
    actual = targets(PROBLEM, series)
    covered = ((low < actual) & (actual < high)).double().mean(dim=(0, 1))
    assert (covered - 0.9).abs().max() < 0.02


def test_weights_that_do_not_add_up_to_one_are_refused(
    make_series: Callable[..., ObservedSeries],
) -> None:
    with pytest.raises(ValueError, match=r"add up to one.*they add up to 0.5 to 1\."):
        fixed_solution(PROBLEM, [make_series()], WEIGHTS * torch.tensor([[1.0], [1.0], [0.5]]))

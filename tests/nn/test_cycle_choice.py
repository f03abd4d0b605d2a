"""Whether cycles pay, on made series with and without any."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.cycle_choice import choose_cycle, goes_on, solve_with_cycle
from hyperforecast.nn.exact import (
    Cycles,
    ExactOptions,
    ObservedSeries,
    Problem,
    SearchSpace,
    solve_exact,
    solved_network,
)
from hyperforecast.nn.windows import WindowCutter

PROBLEM = Problem(lookback=3, horizon=2, search=SearchSpace(norms=("none",)))
ARGUMENTS = {"lookback": 3, "horizon": 2, "n_channels": 2, "parts": {}, "periods": ()}
OPTIONS = ExactOptions(ridge=1e-2)


def walks(n_rows: int, course: Tensor, seed: int = 0) -> Tensor:
    """Two channels, each with its own course (P, 2) of a period."""
    torch.manual_seed(seed)
    noise = torch.randn(n_rows, 2, dtype=torch.float64)
    return 10.0 + course[torch.arange(n_rows) % len(course)] + 0.3 * noise


def course() -> Tensor:
    torch.manual_seed(5)
    values = torch.randn(12, 2, dtype=torch.float64)
    return values - values.mean(dim=0)


def of(values: Tensor, **more: object) -> ObservedSeries:
    return ObservedSeries(values, phase=0, **more)


@pytest.mark.parametrize("validates", [False, True])
def test_a_cycle_that_pays_is_kept(validates: bool) -> None:
    rows = walks(480, course())
    series, validation = [of(rows)], None
    if validates:
        series, validation = [of(rows[:360])], [of(rows).rows(357, 480)]
    solution = solve_with_cycle(ARGUMENTS, PROBLEM, series, validation, OPTIONS, [5, 12])
    assert [entry.periods for entry in solution.compared[:3]] == [(), (5,), (12,)]
    assert [entry.chosen for entry in solution.compared[:3]] == [True, False, True]
    assert {entry.periods for entry in solution.compared[3:]} == {(12,)}
    assert solution.cycles is not None
    torch.testing.assert_close(
        solution.cycles.target.values[0].T, course(), atol=0.2, rtol=0
    )  # of the rows that are trained on, all of them in the end
    trained = series if validates else [of(rows)]
    again = Cycles.of(trained, (12,)).target.values[0]
    torch.testing.assert_close(solution.cycles.target.values[0], again)


def test_noise_keeps_no_cycle() -> None:
    series = [of(walks(480, torch.zeros(1, 2, dtype=torch.float64)))]
    solution = solve_with_cycle(ARGUMENTS, PROBLEM, series, None, OPTIONS, [6, 12])
    assert solution.cycles is not None
    assert solution.cycles.periods == ()
    assert [entry.chosen for entry in solution.compared[:3]] == [True, False, False]
    plain = solve_exact(PROBLEM, series, None, OPTIONS)
    torch.testing.assert_close(solution.weights.weight, plain.weights.weight, rtol=0, atol=0)


def test_a_cycle_that_fades_away_is_not_kept() -> None:
    rows, noise = walks(480, course()), walks(480, torch.zeros(1, 2, dtype=torch.float64))
    fading = torch.cat([rows[:450], noise[450:]])
    for given, kept in ((rows, (12,)), (fading, ())):
        series, validation = [of(given[:360])], [of(given).rows(357, 480)]
        choice = choose_cycle(ARGUMENTS, PROBLEM, series, validation, OPTIONS, [12])
        without, within = (entry.validation_mse for entry in choice.compared)
        assert within < 0.9 * without  # over the whole of the validation rows it gains
        assert choice.periods == kept


def test_the_last_quarter_of_the_time_decides() -> None:
    times = torch.tensor([0, 1, 2, 3, 0, 1, 2, 3])  # of two series
    gains = torch.tensor([[5.0, 5.0, 5.0, 1.0, 5.0, 5.0, 5.0, -2.0]])
    assert not goes_on(gains, times)
    assert goes_on(gains + 0.5, times)
    assert goes_on(gains[:, :3], times[:3])


def test_errors_compared_are_those_of_the_networks() -> None:
    rows = walks(240, course())
    training, validation = [of(rows[:180])], [of(rows).rows(177, 240)]
    choice = choose_cycle(ARGUMENTS, PROBLEM, training, validation, ExactOptions(), [12])
    assert choice.periods == (12,)
    cycles = Cycles.of(training, [12])
    left = [cycles.taken_from(part) for part in (training, validation)]
    weights = solve_exact(PROBLEM, *left)  # its ridge is chosen on both
    network = solved_network(ARGUMENTS, weights).eval()
    cutter = WindowCutter(3, 2, 0, torch.float64)
    (windows,) = cutter.blocks(left[1], 100)
    missed = windows.future_target - network(windows.past_target)[..., 0]
    expected = (missed / rows[:180].std(dim=0, correction=0)).square().mean().item()
    assert choice.compared[1].validation_mse == pytest.approx(expected, rel=1e-9)


def test_the_network_puts_back_what_was_taken() -> None:
    rows, known = walks(240, course()), walks(240, course().flip(0), seed=1)
    series = of(rows, past=known, future=known[:, 1:])
    arguments = {**ARGUMENTS, "n_past_covariates": 2, "n_future_covariates": 1}
    solution = solve_with_cycle(arguments, PROBLEM, [series], None, OPTIONS, [12])
    assert solution.cycles is not None
    assert solution.cycles.periods == (12,)
    network = solved_network(arguments, solution).eval()
    cutter = WindowCutter(3, 2, 0, torch.float64)
    (windows,) = cutter.blocks([series], 500)
    found = network(*windows[:4], phase=windows.phase)[..., 0]
    (left,) = cutter.blocks(solution.cycles.taken_from([series]), 500)
    bare = solved_network(arguments, replace(solution, cycles=None)).eval()
    expected = bare(*left[:4], phase=left.phase)[..., 0]
    expected += windows.future_target - left.future_target
    torch.testing.assert_close(found, expected)


def test_series_of_their_own_have_cycles_of_their_own() -> None:
    rows = walks(480, course())
    series = [
        of(rows[:, :1], channels=torch.tensor([0])),
        of(rows[60:, 1:], channels=torch.tensor([1])),
    ]
    problem = Problem(3, 2, search=SearchSpace(norms=("none",)), n_channels=2)
    arguments = {**ARGUMENTS, "n_channels": 1, "weights_by": "series", "n_series": 2}
    solution = solve_with_cycle(arguments, problem, series, None, OPTIONS, [12])
    assert solution.cycles is not None
    torch.testing.assert_close(solution.cycles.target.values[0].T, course(), atol=0.2, rtol=0)
    network = solved_network(arguments, solution)
    assert isinstance(network, ForecastingNetwork)
    assert network.cycle.values[0].shape == (2, 12)


def test_too_few_windows_compare_nothing() -> None:
    solution = solve_with_cycle(ARGUMENTS, PROBLEM, [of(walks(8, course()))], None, OPTIONS, [3])
    assert solution.compared == []
    assert solution.cycles is not None
    assert solution.cycles.periods == ()

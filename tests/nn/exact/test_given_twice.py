"""What does not depend on how a collection is given: repeated series, the order of channels."""

import pytest
import torch
from made_collections import held_out, made_collection, made_problem
from made_series import noise
from torch import Tensor

from hyperforecast.nn.exact import (
    ExactOptions,
    ExactSolution,
    ObservedSeries,
    Problem,
    SearchSpace,
    solve_exact,
    solved_network,
)


def forecasts(
    solution: ExactSolution, problem: Problem, collection: list[ObservedSeries]
) -> list[Tensor]:
    """Forecasts of every window, (T, H, C, 1), of each series, through a network."""
    one = collection[0]
    part = "individual" if solution.setting.individual else "hn-mvts"
    arguments = {
        "lookback": problem.lookback,
        "horizon": problem.horizon,
        "n_channels": one.n_channels,
        "backbone": "nlinear",
        "parts": {part: {}},
        "n_past_covariates": one.n_past,
        "n_future_covariates": one.n_future,
        "n_static_covariates": one.n_static,
    }
    network = solved_network(arguments, solution)
    width, ahead = problem.width, problem.width - problem.horizon
    found = []
    for series in collection:
        n_windows = len(series.target) - width + 1

        def windows(rows: Tensor | None, n: int = n_windows) -> Tensor | None:  # (T, width, m)
            return None if rows is None else rows.unfold(0, width, 1)[:n].transpose(1, 2)

        target, past, future = (windows(v) for v in (series.target, series.past, series.future))
        assert target is not None
        static = series.static
        found.append(
            network(
                target[:, : problem.lookback],
                past_covariates=None if past is None else past[:, : problem.lookback],
                future_covariates=None if future is None else future[:, ahead:],
                static_covariates=None if static is None else static.expand(n_windows, -1, -1),
            ).detach()
        )
    return found


def assert_alike(
    problem: Problem,
    collection: list[ObservedSeries],
    one: ExactSolution,
    other: ExactSolution,
    channels: Tensor | None = None,
) -> None:
    assert other.setting == one.setting
    assert [e.setting for e in other.compared] == [e.setting for e in one.compared]
    assert [e.chosen for e in other.compared] == [e.chosen for e in one.compared]
    errors = torch.tensor([[e.validation_mse for e in s.compared] for s in (one, other)])
    torch.testing.assert_close(errors[1], errors[0], rtol=1e-8, atol=0.0)
    if channels is None:
        channels = torch.arange(collection[0].n_channels)
    expected = forecasts(one, problem, collection)
    found = forecasts(other, problem, [of_channels(series, channels) for series in collection])
    for a, b in zip(expected, found, strict=True):
        torch.testing.assert_close(b, a[:, :, channels], rtol=1e-8, atol=1e-8)


def of_channels(series: ObservedSeries, channels: Tensor) -> ObservedSeries:
    static = None if series.static is None else series.static[channels]
    return ObservedSeries(series.target[:, channels], series.past, series.future, static)


def each_twice(series: list) -> list:
    return [one for one in series for _ in range(2)]


def all_twice(series: list) -> list:
    return [*series, *series]


@pytest.mark.parametrize("n_series", [1, 3])
@pytest.mark.parametrize("seed", range(7))
class TestGivenTwice:
    """The same rows again are no further evidence."""

    def test_with_windows_held_out(self, seed: int, n_series: int) -> None:
        problem, collection = made_problem(seed), made_collection(seed, n_series)
        once = solve_exact(problem, collection)
        assert once.compared
        twice = all_twice if seed % 2 else each_twice
        assert_alike(problem, collection, once, solve_exact(problem, twice(collection)))

    def test_with_validation_series(self, seed: int, n_series: int) -> None:
        problem, collection = made_problem(seed), made_collection(seed, n_series)
        training, validation = held_out(problem, collection)
        once = solve_exact(problem, training, validation)
        twice = each_twice if seed % 2 else all_twice
        again = solve_exact(problem, twice(training), twice(validation))
        assert_alike(problem, collection, once, again)


@pytest.mark.parametrize("n_windows", [3, 15, 18, 40])
def test_few_windows_are_as_few_when_given_twice(n_windows: int) -> None:
    problem = Problem(6, 2, search=SearchSpace(("none", "last"), (0, 2), (0, 1)))
    series = [ObservedSeries(noise(6 + 2 + n_windows - 1, 3, seed=k)) for k in range(2)]
    for collection in (series[:1], series):
        once = solve_exact(problem, collection)
        for twice in (each_twice, all_twice):
            assert_alike(problem, collection, once, solve_exact(problem, twice(collection)))


def test_many_windows_are_looked_at_as_often_when_given_twice() -> None:
    """More than five hundred, so that some are left out."""
    problem = Problem(6, 2, search=SearchSpace(("none", "last"), (0, 1, 2), (0, 1)))
    series = [ObservedSeries(noise(1300, 4, seed=5).cumsum(dim=0) * 0.1 + noise(1300, 4))]
    training, validation = [series[0].rows(0, 400)], [series[0].rows(394, 1300)]
    once = solve_exact(problem, training, validation)
    again = solve_exact(problem, all_twice(training), all_twice(validation))
    assert_alike(problem, series, once, again)


@pytest.mark.parametrize("seed", range(8))
def test_the_order_of_channels_changes_nothing(seed: int) -> None:
    problem, collection = made_problem(seed), made_collection(seed, 2)
    channels = torch.randperm(6, generator=torch.Generator().manual_seed(seed))
    options = ExactOptions(embedding_steps=seed % 2)
    one = solve_exact(problem, collection, options=options)
    shuffled = [of_channels(series, channels) for series in collection]
    other = solve_exact(problem, shuffled, options=options)
    assert_alike(problem, collection, one, other, channels)

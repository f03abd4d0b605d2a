"""What the exact solver does when the time to compare is over."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from made_race import search_ridges
from made_series import H, L, clustered, error, noise

from hyperforecast.nn.exact import Combination, ObservedSeries, Problem, SearchSpace, Setting
from hyperforecast.nn.exact.choice.ridge_search import RidgeSearch
from hyperforecast.nn.exact.regressions.weights import BasisWeights
from hyperforecast.nn.exact.settings.added_up import each_solved
from hyperforecast.nn.exact.settings.candidate import Solved
from hyperforecast.nn.exact.solver import solve_exact

SEARCH = SearchSpace(
    norms=("none", "last", "mean"),
    embedding_dims=(0, 2, 4),
    n_factors=(0, 1),
    lookbacks=(None, 4),
    pooled=True,
    combined=True,
)
PROBLEM = Problem(L, H, search=SEARCH)
SERIES = clustered()
PARTS = [SERIES.rows(0, 400)], [SERIES.rows(400 - L, 500)]


@pytest.fixture
def solved(monkeypatch: pytest.MonkeyPatch) -> list[Setting]:
    """Settings with their ridges, in the order in which they are solved."""
    found: list[Setting] = []
    solve = RidgeSearch.solve

    def noted(search: RidgeSearch, setting: Setting, number: int) -> object:
        if number not in search._solved.get(replace(setting, ridge=0.0), {}):
            found.append(replace(setting, ridge=search.ridges[number]))
        return solve(search, setting, number)

    monkeypatch.setattr(RidgeSearch, "solve", noted)
    return found


def after(n_solved: int, solved: list[Setting]) -> Callable[[], bool]:
    """Return what says that time is over after a number of solutions."""
    return lambda: len(solved) >= n_solved


@pytest.mark.parametrize("n_solved", [1, 2, 7, 11, 16, 20, 25, 35])
def test_what_was_compared_until_then_is_what_there_is(
    n_solved: int, solved: list[Setting]
) -> None:
    solve_exact(PROBLEM, *PARTS)
    in_time = list(solved)
    assert len(in_time) > 40
    solved.clear()
    solution = solve_exact(PROBLEM, *PARTS, is_late=after(n_solved, solved))
    assert solved[:n_solved] == in_time[:n_solved]
    # what is at work ends: starts of an embedding, a pooled ridge, and what is solved for again
    assert len(solved) <= n_solved + 6
    assert sum(solution.combination.shares) == pytest.approx(1.0)
    missed = error(solution, PROBLEM, PARTS[1])
    least = min(entry.validation_mse for entry in solution.compared)
    assert missed == pytest.approx(least, rel=0.05)  # that of the sum is near the best one's


def test_with_time_enough_nothing_changes() -> None:
    whole, timed = (solve_exact(PROBLEM, *PARTS, **a) for a in ({}, {"is_late": lambda: False}))
    assert timed.compared == whole.compared
    torch.testing.assert_close(timed.weights.weight, whole.weights.weight, rtol=0, atol=0)


def test_blocks_held_out_in_turn_end_too(solved: list[Setting]) -> None:
    solution = solve_exact(PROBLEM, [SERIES], is_late=after(8, solved))
    assert len(solution.compared) <= 4
    assert torch.isfinite(solution.weights.weight).all()


def test_hopeless_views_are_solved_with_one_ridge(solved: list[Setting]) -> None:
    """Validated far above what was trained on, which only what subtracts a level can follow."""
    far = ObservedSeries(noise(600, 3) + torch.where(torch.arange(600) < 442, 0.0, 50.0)[:, None])
    search = SearchSpace(norms=("none", "last"), lookbacks=(None, 4), combined=True)
    parts = [far.rows(0, 442)], [far.rows(442, 600)]
    solution = solve_exact(Problem(L, H, search=search), *parts)
    ridges = {
        norm: {one.ridge for one in solved if (one.norm, one.lookback) == (norm, 4)}
        for norm in search.norms
    }
    assert len(ridges["none"]) == 1 < len(ridges["last"])
    assert all(one.norm == "last" for one in solution.combination.settings)


def test_a_walk_over_ridges_ends_where_it_is() -> None:
    falling = [float(error) for error in range(9, 0, -1)]
    ridges, walked = search_ridges(falling)
    ridges.is_late = lambda: len(walked) >= 3
    found = ridges.best(Setting("none", 0, False, 0), 2)
    assert walked == [2, 3, 4]
    assert found.error == falling[4]


def test_with_and_without_a_drift_is_solved_once() -> None:
    one = Setting("last", 0, False, 0, ridge=0.1)
    other = replace(one, norm="mean")
    settings = (one, replace(one, drift=False), replace(other, drift=False))
    asked: list[Setting] = []

    def solve(setting: Setting) -> Solved:
        asked.append(setting)
        weight = torch.full((1, H, 3), float(len(asked)))
        return Solved(setting, BasisWeights(weight, torch.zeros(1, 0)), torch.ones(1, 1))

    found = list(each_solved(Combination(settings, (0.5, 0.3, 0.2)), solve))
    assert asked == [one, other]
    assert [each.setting for each in found] == list(settings)
    for each, weight, constant in zip(found, (1.0, 1.0, 2.0), (1.0, 0.0, 0.0), strict=True):
        assert (each.weights.weight[..., :-1] == weight).all()
        assert (each.weights.weight[..., -1] == constant).all()

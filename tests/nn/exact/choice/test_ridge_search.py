"""The ridge of a setting."""

import pytest
import torch
from made_race import number, search_ridges
from made_series import H, L, alike, error

from hyperforecast.nn.exact import ExactOptions, Problem, Setting, solve_exact
from hyperforecast.nn.exact.settings.options import RIDGES

SETTING = Setting("none", 0, False, 0)


def test_ridge_is_no_worse_than_any_that_can_be_tried() -> None:
    """One valley over the ridges: the walk ends in it, or on the simple side of a tie."""
    series = alike(n_rows=120)
    training, validation = series.rows(0, 90), series.rows(90 - L, 120)
    problem = Problem(L, H)
    solution = solve_exact(problem, [training], [validation])
    tried = [
        error(
            solve_exact(problem, [training], [validation], ExactOptions(ridge=ridge)),
            problem,
            [validation],
        )
        for ridge in RIDGES
    ]
    found = error(solution, problem, [validation])
    assert found <= min(tried) * 1.05
    assert solution.setting.ridge >= RIDGES[tried.index(min(tried))] * 0.99


class TestWalk:
    """Over made-up errors: which ridges are solved, in which order, and which one is best."""

    @pytest.mark.parametrize(
        ("errors", "start", "solved", "best"),
        [
            # first up, then down from the lowest
            ([5.0, 4, 3, 2, 1, 2, 3], 2, [2, 3, 4, 5], 4),
            ([3.0, 2, 1, 2, 3, 4, 5], 4, [4, 5, 3, 2, 1], 2),
            ([3.0, 2, 1, 2, 3, 4, 5], 2, [2, 3, 1], 2),
            # to either end
            ([5.0, 4, 3, 2, 1], 0, [0, 1, 2, 3, 4], 4),
            ([1.0, 2, 3, 4, 5], 4, [4, 3, 2, 1, 0], 0),
            ([1.0], 0, [0], 0),
            # a part of 1e-4 is worth another step, less is not
            ([3.0, 2, 1, 1 - 1.01e-4, 1 - 3e-4, 0.9], 2, [2, 3, 4, 5], 5),
            ([3.0, 2, 1, 1 - 0.99e-4, 1 - 3e-4, 0.9], 2, [2, 3], 3),
            # a valley falls no more on one side than it rises on the other
            ([0.5, 0.6, 1, 1 + 0.99e-4, 2], 2, [2, 3], 2),
            ([0.5, 0.6, 1, 1 + 1.01e-4, 2], 2, [2, 3, 1, 0], 0),
            # nothing to gain
            ([0.0, 0, 0, 0], 1, [1, 2], 1),
        ],
    )
    def test_ends_in_the_valley(
        self, errors: list[float], start: int, solved: list[int], best: int
    ) -> None:
        ridges, tried = search_ridges(errors)
        assert number(ridges.best(SETTING, start).setting) == best
        assert tried == solved

    @pytest.mark.parametrize("start", range(13))
    def test_finds_the_least_of_any_valley(self, start: int) -> None:
        for _ in range(20):
            slopes = (1.0 + torch.rand(12)) * torch.where(
                torch.arange(12) < torch.randint(13, ()), -1, 1
            )
            errors = (30.0 + torch.cat([torch.zeros(1), slopes.cumsum(0)])).tolist()
            ridges, _ = search_ridges(errors)
            assert number(ridges.best(SETTING, start).setting) == errors.index(min(errors))

    @pytest.mark.parametrize(
        ("errors", "solved"),
        [
            # 0.4 are missing: a step that brings more than 0.1 goes on, one that brings less ends
            ([1.0, 1.0, 1.0, 0.89, 0.7, 0.6], [2, 3, 4, 5]),
            ([1.0, 1.0, 1.0, 0.91, 0.1, 0.0], [2, 3]),
            # and what is missing is less after a step: 0.2, of which 0.04 are less than a quarter
            ([1.0, 1.0, 1.0, 0.8, 0.76, 0.0], [2, 3, 4]),
            ([1.0, 1.0, 1.0, 0.8, 0.74, 0.0], [2, 3, 4, 5]),
            # a rise of less than a quarter means a fall of less on the other side
            ([0.0, 0.5, 1.0, 1.09, 2.0, 3.0], [2, 3]),
            ([0.0, 0.5, 1.0, 1.11, 2.0, 3.0], [2, 3, 1, 0]),
        ],
    )
    def test_with_a_goal_ends_where_it_is_out_of_reach(
        self, errors: list[float], solved: list[int]
    ) -> None:
        ridges, tried = search_ridges(errors)
        ridges.best(SETTING, 2, goal=0.6)
        assert tried == solved

    def test_goes_on_without_the_goal_that_ended_it(self) -> None:
        ridges, tried = search_ridges([1.0, 1.0, 1.0, 0.91, 0.5, 0.4])
        assert number(ridges.best(SETTING, 2, goal=0.6).setting) == 3
        assert number(ridges.best(SETTING, 2).setting) == 5
        assert tried == [2, 3, 4, 5]

    def test_is_walked_once(self) -> None:
        ridges, tried = search_ridges([5.0, 4, 3, 2, 1, 2, 3])
        first = ridges.best(SETTING, 2)
        assert ridges.best(SETTING, 3) is first
        assert tried == [2, 3, 4, 5]

    def test_forgotten_solutions_are_made_again(self) -> None:
        ridges, tried = search_ridges([3.0, 2, 1])
        ridges.solve(SETTING, 1)
        ridges.solve(SETTING, 1)
        assert tried == [1]
        ridges.forget(SETTING)
        ridges.solve(SETTING, 1)
        assert tried == [1, 1]

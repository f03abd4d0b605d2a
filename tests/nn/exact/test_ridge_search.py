"""The ridge of a setting."""

from made_series import H, L, alike, error

from hyperforecast.nn.exact import ExactOptions, Problem, solve_exact
from hyperforecast.nn.exact.options import RIDGES


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

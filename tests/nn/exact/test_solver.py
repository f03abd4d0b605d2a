"""What a solution holds."""

import math
from collections.abc import Callable

import pytest
import torch
from made_series import H, L, alike, clustered, driven, error, noise
from naive_windows import designs

from hyperforecast.nn.exact import (
    ExactOptions,
    ExactSolution,
    GeneratedRegression,
    ObservedSeries,
    Problem,
    SearchSpace,
    WindowLayout,
    block_moments,
    solve_exact,
)


class TestFinalWeights:
    def test_with_validation_series_are_those_of_the_training_series(self) -> None:
        series = clustered()
        training, validation = series.rows(0, 400), series.rows(400 - L, 500)
        solution = solve_exact(
            Problem(L, H, search=SearchSpace(embedding_dims=(0, 2))), [training], [validation]
        )
        self.assert_solves(solution, training)

    def test_without_are_fitted_again_on_all_rows(self) -> None:
        series = clustered()
        solution = solve_exact(Problem(L, H, search=SearchSpace(embedding_dims=(0, 2))), [series])
        self.assert_solves(solution, series)

    @staticmethod
    def assert_solves(solution: ExactSolution, series: ObservedSeries) -> None:
        moments = [(slice(None), block_moments([series], WindowLayout(L, H)))]
        regression = GeneratedRegression(moments, solution.mixing)
        ridge = solution.setting.ridge * regression.scale
        expected = regression.solve(ridge)
        torch.testing.assert_close(solution.weights.weight, expected.weight)

    def test_several_series_are_all_used(self) -> None:
        several = [clustered(200, seed=s) for s in range(3)]
        solution = solve_exact(Problem(L, H), several, options=ExactOptions(ridge=1e-3))
        x, y, _ = designs(several, WindowLayout(L, H, norm=solution.setting.norm))
        rows, targets = x.flatten(0, 1), y.flatten(0, 1)
        penalty = torch.eye(L + 1, dtype=torch.float64)
        penalty[-1, -1] = 0.0
        moments = [(slice(None), block_moments(several, WindowLayout(L, H)))]
        scale = GeneratedRegression(moments, solution.mixing).scale
        expected = torch.linalg.inv(rows.T @ rows + 1e-3 * scale * penalty) @ rows.T @ targets
        torch.testing.assert_close(solution.weights.weight[0].T, expected)


class TestLimits:
    def test_a_constant_channel(self) -> None:
        x = clustered().target.clone()
        x[:, 3] = 7.0
        problem = Problem(
            L,
            H,
            search=SearchSpace(
                norms=("none", "last", "mean"), embedding_dims=(0, 2, 8), n_factors=(0, 2)
            ),
        )
        solution = solve_exact(problem, [ObservedSeries(x)])
        assert torch.isfinite(solution.weights.weight).all()
        assert math.isfinite(error(solution, problem, [ObservedSeries(x)]))

    @pytest.mark.parametrize("norm", ["none", "last", "mean", "revin"])
    def test_all_constant(self, norm: str) -> None:
        series = ObservedSeries(torch.full((60, 2), 3.0, dtype=torch.float64))
        problem = Problem(L, H, search=SearchSpace(norms=(norm,), embedding_dims=(0, 1)))
        solution = solve_exact(problem, [series])
        assert error(solution, problem, [series]) < 1e-6

    def test_more_channels_than_rows(self) -> None:
        series = ObservedSeries(noise(30, 50).cumsum(dim=0))
        problem = Problem(L, H, search=SearchSpace(embedding_dims=(0, 2, 4), n_factors=(0, 5)))
        solution = solve_exact(problem, [series])
        assert torch.isfinite(solution.weights.weight).all()

    def test_one_channel(self) -> None:
        solution = solve_exact(
            Problem(L, H, search=SearchSpace(norms=("none", "last"))), [alike(1)]
        )
        assert solution.mixing.shape == (1, 1)

    def test_as_many_factors_as_channels(self) -> None:
        problem = Problem(L, H, search=SearchSpace(n_factors=(0, 8), n_factors_requested=True))
        solution = solve_exact(problem, [driven()], options=ExactOptions(factor_lookback=1))
        assert solution.setting.n_factors == 8
        assert torch.linalg.matrix_rank(solution.loadings) == 8
        plain = solve_exact(Problem(L, H), [driven()])
        new = [driven(seed=9)]
        assert error(solution, problem, new) < 0.97 * error(plain, problem, new)

    def test_factor_lookback_is_cut_at_the_lookback(self) -> None:
        problem = Problem(L, H, search=SearchSpace(n_factors=(0, 1), n_factors_requested=True))
        solution = solve_exact(problem, [driven()], options=ExactOptions(factor_lookback=99))
        assert solution.factor_lookback == L

    def test_revin_with_covariates_and_factors(self) -> None:
        series = driven()
        series = ObservedSeries(series.target, series.target[:, :1], noise(500, 1), noise(8, 1))
        problem = Problem(
            L,
            H,
            search=SearchSpace(
                norms=("revin",), embedding_dims=(0, 2), n_factors=(0, 1), n_factors_requested=True
            ),
        )
        solution = solve_exact(problem, [series.rows(0, 400)], [series.rows(400 - L, 500)])
        found = error(solution, problem, [series.rows(400 - L, 500)])
        assert min(e.validation_mse for e in solution.compared) == pytest.approx(found, rel=0.02)

    def test_does_not_touch_the_global_random_state(self) -> None:
        before = torch.get_rng_state()
        solve_exact(
            Problem(L, H, search=SearchSpace(embedding_dims=(0, 2), n_factors=(0, 1))),
            [clustered()],
        )
        assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("kind", ["past", "future", "static"])
def test_covariates_that_drive_the_target_are_used(kind: str) -> None:
    driver, blank = noise(500, 1, seed=4), 0.1 * noise(500, 4, seed=5)
    several: dict[str, Callable[[], ObservedSeries]] = {
        "past": lambda: ObservedSeries(blank + driver.roll(1, 0), past=driver),
        "future": lambda: ObservedSeries(blank + driver, future=driver),
        "static": lambda: ObservedSeries(
            blank + 5 * noise(4, 1, seed=6).T, static=noise(4, 1, seed=6)
        ),
    }
    series = several[kind]()
    problem = Problem(L, 1, search=SearchSpace(norms=("none",)))
    training, validation = series.rows(1, 400), series.rows(400 - L, 500)
    solution = solve_exact(problem, [training], [validation])
    assert error(solution, problem, [validation]) < 0.02

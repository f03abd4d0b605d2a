"""What a solution holds."""

import math
from collections.abc import Callable
from dataclasses import replace

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
    Units,
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
        standardised = Units.of([series], L, H).standardise(series)
        moments = [(slice(None), block_moments([standardised], WindowLayout(L, H)))]
        expected = GeneratedRegression(moments, solution.mixing).solve(solution.setting.ridge)
        torch.testing.assert_close(solution.weights.weight, expected.weight)

    def test_several_series_are_all_used(self) -> None:
        several = [clustered(200, seed=s) for s in range(3)]
        solution = solve_exact(Problem(L, H), several, options=ExactOptions(ridge=1e-3))
        pooled = torch.cat([one.target for one in several])
        deviation, mean = torch.std_mean(pooled, dim=0, correction=0)
        several = [ObservedSeries((one.target - mean) / deviation) for one in several]
        x, y, _ = designs(several, WindowLayout(L, H, norm=solution.setting.norm))
        rows, targets = x.flatten(0, 1), y.flatten(0, 1)
        penalty = torch.eye(L + 1, dtype=torch.float64)
        penalty[-1, -1] = 0.0
        unit = (rows[:, :-1] - rows[:, :-1].mean(dim=0)).square().sum(dim=0).mean()
        expected = torch.linalg.inv(rows.T @ rows + 1e-3 * unit * penalty) @ rows.T @ targets
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


@pytest.mark.parametrize("kind", ["past", "future"])
def test_covariates_that_drive_the_target_are_used(kind: str) -> None:
    driver, blank = noise(500, 1, seed=4), 0.1 * noise(500, 4, seed=5)
    several: dict[str, Callable[[], ObservedSeries]] = {
        "past": lambda: ObservedSeries(blank + driver.roll(1, 0), past=driver),
        "future": lambda: ObservedSeries(blank + driver, future=driver),
    }
    series = several[kind]()
    problem = Problem(L, 1, search=SearchSpace(norms=("none",)))
    training, validation = series.rows(1, 400), series.rows(400 - L, 500)
    solution = solve_exact(problem, [training], [validation])
    assert error(solution, problem, [validation]) < 0.02


def test_static_covariates_that_drive_the_level_of_series_are_used() -> None:
    """Of a channel's level the means of training know; they do not know that of each series."""
    random = torch.Generator().manual_seed(0)
    several = [
        ObservedSeries(noise(20, 1, seed=i) + 50 * static, static=static.view(1, 1))
        for i, static in enumerate(torch.randn(40, generator=random, dtype=torch.float64))
    ]
    problem = Problem(2, 1, search=SearchSpace(norms=("none",)))
    with_static = solve_exact(problem, several[:30], several[30:])
    blind = [replace(one, static=None) for one in several]
    without = solve_exact(problem, blind[:30], blind[30:])
    errors = error(with_static, problem, several[30:]), error(without, problem, blind[30:])
    assert errors[0] < 0.8 * errors[1]

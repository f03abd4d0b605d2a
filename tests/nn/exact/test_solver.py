"""The race of settings, what wins it, and what the solution holds."""

import math
from collections.abc import Callable

import pytest
import torch
from naive_windows import design, designs
from torch import Tensor

from hyperforecast.nn.exact import (
    ExactOptions,
    ExactSolution,
    GeneratedRegression,
    Panel,
    Problem,
    Setting,
    WindowLayout,
    block_moments,
    solve_exact,
)
from hyperforecast.nn.exact.problem import RIDGES
from hyperforecast.nn.exact.solver import hold_out

L, H = 8, 2


def noise(*shape: int, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=random, dtype=torch.float64)


def autoregressive(lags: Tensor, n_rows: int = 500, *, seed: int = 0) -> Tensor:
    """Channels (T, C) with the given coefficients (C, p) of their last steps."""
    n_channels, order = lags.shape
    shocks = noise(n_rows, n_channels, seed=seed)
    x = torch.zeros_like(shocks)
    for t in range(n_rows):
        x[t] = shocks[t]
        for k in range(min(order, t)):
            x[t] += lags[:, k] * x[t - 1 - k]
    return x


def alike(n_channels: int = 8, **kwargs: int) -> Panel:
    """Channels with the same dynamics and nothing in common."""
    return Panel(autoregressive(torch.tensor([[0.5, 0.3]]).expand(n_channels, -1), **kwargs))


def clustered(n_rows: int = 500, *, seed: int = 0) -> Panel:
    """Two groups of channels with opposite dynamics, correlated within a group."""
    lags = torch.tensor([[0.9], [-0.9]])
    common = autoregressive(lags, n_rows, seed=seed)
    own = autoregressive(lags.repeat(4, 1), n_rows, seed=seed + 1)
    return Panel(common.repeat(1, 4) + 0.5 * own)


def driven(n_rows: int = 500, *, seed: int = 0) -> Panel:
    """Noisy channels that follow a common factor one step behind."""
    factor = autoregressive(torch.tensor([[0.95]]), n_rows + 1, seed=seed)
    loadings = torch.linspace(0.5, 1.5, 8, dtype=torch.float64)
    return Panel(factor[:-1] * loadings + noise(n_rows, 8, seed=seed + 1))


def error(solution: ExactSolution, problem: Problem, panels: list[Panel]) -> float:
    """Mean squared error of a solution, forecast by forecast."""
    setting = solution.setting
    layout = WindowLayout(
        problem.lookback,
        problem.horizon,
        problem.shift,
        setting.norm,
        solution.loadings if setting.n_factors else None,
        solution.factor_lookback,
    )
    x, y, f = designs(panels, layout)
    weight, future = solution.weights.of_channels(solution.mixing)
    forecasts = torch.einsum("tcp,chp->tch", x, weight) + torch.einsum("tchf,cf->tch", f, future)
    return (y - forecasts).square().mean().item()


class TestRace:
    def test_alike_channels_share_their_weights(self) -> None:
        solution = solve_exact(Problem(L, H, embedding_dims=(0, 2, 4, 8)), [alike()])
        assert solution.setting.embedding_dim == 0
        assert not solution.setting.individual
        assert solution.mixing.shape == (8, 1)

    def test_an_embedding_wins_for_clusters(self) -> None:
        solution = solve_exact(Problem(L, H, embedding_dims=(0, 2, 4)), [clustered()])
        assert solution.setting.embedding_dim == 2  # what tells two clusters apart
        assert solution.mixing.shape == (8, 3)
        torch.testing.assert_close(solution.mixing[:, 1:], solution.embedding)

    def test_weights_of_their_own_win_for_unlike_channels(self) -> None:
        lags = torch.tensor([[0.9], [-0.9], [0.5], [-0.5], [0.0], [0.7]])
        panel = Panel(autoregressive(lags, 1500))
        solution = solve_exact(Problem(L, H, embedding_dims=(0, 2, 6)), [panel])
        assert solution.setting.individual
        torch.testing.assert_close(solution.mixing, torch.eye(6, dtype=torch.float64))

    def test_factors_win_where_channels_follow_one(self) -> None:
        solution = solve_exact(Problem(L, H, n_factors=(0, 1, 4)), [driven()])
        assert solution.setting.n_factors == 1
        assert solution.loadings.shape == (8, 1)

    def test_factors_do_not_win_for_unrelated_channels(self) -> None:
        solution = solve_exact(Problem(L, H, n_factors=(0, 2, 4)), [alike()])
        assert solution.setting.n_factors == 0
        assert solution.loadings.shape == (8, 0)

    def test_norm_is_chosen(self) -> None:
        walk = Panel(noise(600, 3).cumsum(dim=0))
        levels = Panel(noise(600, 3) + noise(600, 1, seed=1).cumsum(dim=0) * 0.0)
        problem = Problem(L, H, norms=("none", "last", "mean"))
        assert solve_exact(problem, [levels]).setting.norm == "none"
        # trained below zero, validated far above: only what removes the level can follow
        walk = Panel(walk.target + torch.linspace(0, 500, 600, dtype=torch.float64)[:, None])
        assert solve_exact(problem, [walk]).setting.norm in ("last", "mean")

    @pytest.mark.parametrize("panel", [alike(), clustered(), driven()])
    @pytest.mark.parametrize("asked", [False, True])
    def test_never_worse_on_validation_than_the_backbone(self, panel: Panel, asked: bool) -> None:
        problem = Problem(
            L,
            H,
            norms=("none", "last", "mean"),
            embedding_dims=(0, 2, 4),
            n_factors=(0, 2),
            dims_are_asked_for=asked,
            factors_are_asked_for=asked,
        )
        training, validation = panel.rows(0, 400), panel.rows(400 - L, 500)
        solution = solve_exact(problem, [training], [validation])
        plain = solve_exact(Problem(L, H), [training], [validation])
        assert error(solution, problem, [validation]) <= error(plain, problem, [validation]) * (
            1 + 1e-9
        )

    def test_asked_for_settings_win_with_any_gain(self) -> None:
        panel = clustered(seed=3)
        noisy = Panel(panel.target + 40 * noise(500, 8, seed=9))  # hardly anything to gain
        asked = Problem(L, H, embedding_dims=(0, 2), dims_are_asked_for=True)
        race = solve_exact(asked, [noisy]).race
        errors = {entry.setting.embedding_dim: entry.validation_mse for entry in race}
        wins = errors[2] < errors[0]
        assert (solve_exact(asked, [noisy]).setting.embedding_dim == 2) == wins
        assert 1 - errors[2] / errors[0] < 0.01
        unasked = Problem(L, H, embedding_dims=(0, 2))
        assert solve_exact(unasked, [noisy]).setting.embedding_dim == 0

    def test_errors_reported_are_those_of_the_forecasts(self) -> None:
        """The quadratic form in moments, against forecasts of every validation window."""
        panel = clustered()
        training, validation = panel.rows(0, 400), panel.rows(400 - L, 500)
        problem = Problem(L, H, norms=("last",), embedding_dims=(0, 2), n_factors=(0, 1))
        solution = solve_exact(problem, [training], [validation])
        chosen = [entry for entry in solution.race if entry.setting == solution.setting]
        expected = error(solution, problem, [validation])
        assert chosen[-1].validation_mse == pytest.approx(expected, rel=1e-9)

    def test_the_winner_is_the_last_chosen(self) -> None:
        for panel in (alike(), clustered(), driven()):
            problem = Problem(L, H, embedding_dims=(0, 2), n_factors=(0, 1))
            solution = solve_exact(problem, [panel])
            assert [e.setting for e in solution.race if e.chosen][-1] == solution.setting

    def test_a_ridge_that_is_given_is_taken(self) -> None:
        solution = solve_exact(Problem(L, H), [alike()], options=ExactOptions(ridge=0.123))
        assert solution.setting.ridge == 0.123
        assert [entry.setting.ridge for entry in solution.race] == [0.123]

    def test_ridge_is_no_worse_than_any_that_can_be_tried(self) -> None:
        """One valley over the ridges: the walk ends in it, or on the simple side of a tie."""
        panel = alike(n_rows=120)
        training, validation = panel.rows(0, 90), panel.rows(90 - L, 120)
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


class TestFinalWeights:
    def test_with_validation_series_are_those_of_the_training_series(self) -> None:
        panel = clustered()
        training, validation = panel.rows(0, 400), panel.rows(400 - L, 500)
        solution = solve_exact(Problem(L, H, embedding_dims=(0, 2)), [training], [validation])
        self.assert_solves(solution, training)

    def test_without_are_fitted_again_on_all_rows(self) -> None:
        panel = clustered()
        solution = solve_exact(Problem(L, H, embedding_dims=(0, 2)), [panel])
        self.assert_solves(solution, panel)

    @staticmethod
    def assert_solves(solution: ExactSolution, panel: Panel) -> None:
        moments = [(slice(None), block_moments([panel], WindowLayout(L, H)))]
        regression = GeneratedRegression(moments, solution.mixing)
        ridge = solution.setting.ridge * regression.scale
        expected = regression.solve(ridge)
        torch.testing.assert_close(solution.weights.weight, expected.weight)

    def test_several_series_are_all_used(self) -> None:
        panels = [clustered(200, seed=s) for s in range(3)]
        solution = solve_exact(Problem(L, H), panels, options=ExactOptions(ridge=1e-3))
        x, y, _ = designs(panels, WindowLayout(L, H, norm=solution.setting.norm))
        rows, targets = x.flatten(0, 1), y.flatten(0, 1)
        penalty = torch.eye(L + 1, dtype=torch.float64)
        penalty[-1, -1] = 0.0
        moments = [(slice(None), block_moments(panels, WindowLayout(L, H)))]
        scale = GeneratedRegression(moments, solution.mixing).scale
        expected = torch.linalg.inv(rows.T @ rows + 1e-3 * scale * penalty) @ rows.T @ targets
        torch.testing.assert_close(solution.weights.weight[0].T, expected)


class TestMemory:
    def test_little_memory_gives_the_same(self) -> None:
        panel = clustered()
        problem = Problem(L, H, norms=("none", "last"), embedding_dims=(0, 2, 8), n_factors=(0, 1))
        much = solve_exact(problem, [panel])
        little = solve_exact(problem, [panel], options=ExactOptions(max_memory_gb=1e-6))
        assert little.setting == much.setting
        torch.testing.assert_close(little.weights.weight, much.weights.weight)
        for one, two in zip(little.race, much.race, strict=True):
            assert one.setting == two.setting
            assert one.validation_mse == pytest.approx(two.validation_mse, rel=1e-9)


class TestHoldOut:
    @pytest.mark.parametrize("shift", [0, 3])
    def test_targets_do_not_overlap_and_follow_in_time(self, shift: int) -> None:
        rows = torch.arange(100.0)[:, None]
        problem = Problem(L, H, shift)
        (training,), (validation,) = hold_out(problem, [Panel(rows)], 0.2)
        _, trained, _ = design(training, WindowLayout(L, H, shift))
        _, held, _ = design(validation, WindowLayout(L, H, shift))
        n_windows = 100 - L - shift - H + 1
        assert len(held) == round(0.2 * n_windows)
        assert trained.max() < held.min()
        assert held.min() == trained.max() + 1  # and no row is lost between
        assert held.max() == 99

    def test_covariates_go_with_their_rows(self) -> None:
        rows = torch.arange(60.0)[:, None]
        panel = Panel(rows, past=rows + 1, future=rows + 2, static=torch.ones(1, 1), start=5)
        training, validation = hold_out(Problem(L, H), [panel], 0.25)
        for part in (*training, *validation):
            torch.testing.assert_close(part.past, part.target + 1)
            torch.testing.assert_close(part.future, part.target + 2)
            assert part.start == 5 + part.target[0].item()
            assert part.static is panel.static

    def test_too_short_series_are_trained_on(self) -> None:
        long, short = Panel(noise(100, 1)), Panel(noise(L + H + 1, 1))
        training, validation = hold_out(Problem(L, H), [long, short], 0.2)
        assert len(training) == 2
        assert len(validation) == 1
        assert training[1].target is short.target

    @pytest.mark.parametrize("n_windows", [2, 15])
    def test_nothing_to_hold_out_falls_back_to_the_simplest(self, n_windows: int) -> None:
        panel = Panel(noise(L + H + n_windows - 1, 3))
        problem = Problem(
            L,
            H,
            norms=("none", "last"),
            embedding_dims=(0, 2),
            n_factors=(0, 1),
            quantiles=(0.1, 0.9),
        )
        solution = solve_exact(problem, [panel])
        assert solution.race == []
        assert solution.setting == Setting("last", 0, False, 0, 1e-2)
        assert (solution.residual_quantiles.diff(dim=2) > 0).all()
        assert torch.isfinite(solution.weights.weight).all()

    def test_a_short_straight_line_goes_on(self) -> None:
        line = torch.arange(10.0, dtype=torch.float64)[:, None]
        solution = solve_exact(Problem(4, 1, norms=("none", "last")), [Panel(line)])
        x, y, _ = design(Panel(line), WindowLayout(4, 1, norm="last"))
        weight, _ = solution.weights.of_channels(solution.mixing)
        torch.testing.assert_close(torch.einsum("tcp,chp->tch", x, weight), y)

    def test_nothing_to_hold_out_with_weights_of_their_own(self) -> None:
        solution = solve_exact(Problem(L, H, embedding_dims=(3,)), [Panel(noise(L + H, 3))])
        assert solution.setting.individual
        assert solution.mixing.shape == (3, 3)


class TestQuantiles:
    levels = (0.1, 0.5, 0.9)

    @pytest.mark.parametrize("norm", ["none", "last", "revin"])
    def test_cover_what_they_say(self, norm: str) -> None:
        """Of white noise with a deviation for each channel, whatever the norm."""
        deviations = torch.tensor([1.0, 4.0], dtype=torch.float64)
        panel = Panel(noise(8000, 2) * deviations)
        problem = Problem(12, H, norms=(norm,), quantiles=self.levels)
        solution = solve_exact(problem, [panel.rows(0, 6000)])
        offsets = solution.residual_quantiles
        assert offsets.shape == (2, H, 3)
        assert (offsets.diff(dim=2) > 0).all()
        x, y, _ = design(panel.rows(6000, 8000), WindowLayout(12, H, norm=norm))
        weight, _ = solution.weights.of_channels(solution.mixing)
        forecast = torch.einsum("tcp,chp->tch", x, weight)
        quantiles = forecast[..., None] + offsets * x[..., -1:, None]
        below = (y[..., None] < quantiles).double().mean(dim=0)  # (C, H, P)
        expected = torch.tensor(self.levels, dtype=torch.float64).expand_as(below)
        torch.testing.assert_close(below, expected, rtol=0.0, atol=0.06)
        if norm == "none":  # residuals are the noise itself
            normal = torch.tensor([-1.2816, 0.0, 1.2816], dtype=torch.float64)
            for c in range(2):
                found = offsets[c] / deviations[c]
                torch.testing.assert_close(found, normal.expand_as(found), rtol=0.0, atol=0.2)

    def test_are_of_validation_not_of_training_residuals(self) -> None:
        """Twelve regressors for few windows: training residuals would be far too small."""
        panel = Panel(noise(60, 1))
        problem = Problem(24, 1, quantiles=(0.05, 0.95))
        options = ExactOptions(ridge=1e-5, validation_size=0.4)
        solution = solve_exact(problem, [panel], options=options)
        x, y, _ = design(panel, WindowLayout(24, 1))
        weight, _ = solution.weights.of_channels(solution.mixing)
        trained = (y - torch.einsum("tcp,chp->tch", x, weight)).std()
        width = solution.residual_quantiles.diff(dim=2)
        assert width.item() > 3.3 * trained.item()

    def test_not_asked_for_are_not_there(self) -> None:
        assert solve_exact(Problem(L, H), [alike()]).residual_quantiles is None


class TestLearnedEmbedding:
    def test_is_kept_only_where_validation_gains(self) -> None:
        panel = clustered()
        training, validation = panel.rows(0, 400), panel.rows(400 - L, 500)
        problem = Problem(L, H, embedding_dims=(0, 1), dims_are_asked_for=True)
        still = solve_exact(problem, [training], [validation], ExactOptions(ridge=1e-3))
        learned = solve_exact(
            problem, [training], [validation], ExactOptions(ridge=1e-3, embedding_steps=5)
        )
        assert still.setting.embedding_dim == 1
        assert not torch.equal(learned.embedding, still.embedding)
        assert error(learned, problem, [validation]) < error(still, problem, [validation])


class TestLimits:
    def test_a_constant_channel(self) -> None:
        x = clustered().target.clone()
        x[:, 3] = 7.0
        problem = Problem(
            L, H, norms=("none", "last", "mean"), embedding_dims=(0, 2, 8), n_factors=(0, 2)
        )
        solution = solve_exact(problem, [Panel(x)])
        assert torch.isfinite(solution.weights.weight).all()
        assert math.isfinite(error(solution, problem, [Panel(x)]))

    @pytest.mark.parametrize("norm", ["none", "last", "mean", "revin"])
    def test_all_constant(self, norm: str) -> None:
        panel = Panel(torch.full((60, 2), 3.0, dtype=torch.float64))
        problem = Problem(L, H, norms=(norm,), embedding_dims=(0, 1))
        solution = solve_exact(problem, [panel])
        assert error(solution, problem, [panel]) < 1e-6

    def test_more_channels_than_rows(self) -> None:
        panel = Panel(noise(30, 50).cumsum(dim=0))
        problem = Problem(L, H, embedding_dims=(0, 2, 4), n_factors=(0, 5))
        solution = solve_exact(problem, [panel])
        assert torch.isfinite(solution.weights.weight).all()

    def test_one_channel(self) -> None:
        solution = solve_exact(Problem(L, H, norms=("none", "last")), [alike(1)])
        assert solution.mixing.shape == (1, 1)

    def test_as_many_factors_as_channels(self) -> None:
        problem = Problem(L, H, n_factors=(0, 8), factors_are_asked_for=True)
        solution = solve_exact(problem, [driven()], options=ExactOptions(factor_lookback=1))
        assert solution.setting.n_factors == 8
        assert torch.linalg.matrix_rank(solution.loadings) == 8
        plain = solve_exact(Problem(L, H), [driven()])
        new = [driven(seed=9)]
        assert error(solution, problem, new) < 0.97 * error(plain, problem, new)

    def test_factor_lookback_is_cut_at_the_lookback(self) -> None:
        problem = Problem(L, H, n_factors=(0, 1), factors_are_asked_for=True)
        solution = solve_exact(problem, [driven()], options=ExactOptions(factor_lookback=99))
        assert solution.factor_lookback == L

    def test_revin_with_covariates_and_factors(self) -> None:
        panel = driven()
        panel = Panel(panel.target, panel.target[:, :1], noise(500, 1), noise(8, 1))
        problem = Problem(
            L,
            H,
            norms=("revin",),
            embedding_dims=(0, 2),
            n_factors=(0, 1),
            factors_are_asked_for=True,
        )
        solution = solve_exact(problem, [panel.rows(0, 400)], [panel.rows(400 - L, 500)])
        found = error(solution, problem, [panel.rows(400 - L, 500)])
        assert min(e.validation_mse for e in solution.race) == pytest.approx(found, rel=0.02)

    def test_does_not_touch_the_global_random_state(self) -> None:
        before = torch.get_rng_state()
        solve_exact(Problem(L, H, embedding_dims=(0, 2), n_factors=(0, 1)), [clustered()])
        assert torch.equal(torch.get_rng_state(), before)


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"ridge": 0.0}, "ridge must be positive; got 0.0"),
            ({"validation_size": 1.0}, "between 0 and 1; got 1.0"),
            ({"embedding_steps": -1}, "embedding_steps must be >= 0; got -1"),
            ({"factor_lookback": 0}, "factor_lookback must be >= 1; got 0"),
            ({"max_memory_gb": 0}, "max_memory_gb must be positive; got 0"),
        ],
    )
    def test_errors_say_what_was_expected(self, options: dict, said: str) -> None:
        with pytest.raises(ValueError, match=said):
            ExactOptions(**options)

    def test_validation_size_decides_what_is_held_out(self) -> None:
        panel, problem = alike(n_rows=200), Problem(L, H)
        small = solve_exact(problem, [panel], options=ExactOptions(validation_size=0.1))
        large = solve_exact(problem, [panel], options=ExactOptions(validation_size=0.5))
        assert small.race[0].validation_mse != large.race[0].validation_mse

    def test_ridges_are_half_decades(self) -> None:
        assert RIDGES[0] == pytest.approx(1e-5)
        assert RIDGES[-1] == pytest.approx(10)


@pytest.mark.parametrize("kind", ["past", "future", "static"])
def test_covariates_that_drive_the_target_are_used(kind: str) -> None:
    driver, blank = noise(500, 1, seed=4), 0.1 * noise(500, 4, seed=5)
    panels: dict[str, Callable[[], Panel]] = {
        "past": lambda: Panel(blank + driver.roll(1, 0), past=driver),
        "future": lambda: Panel(blank + driver, future=driver),
        "static": lambda: Panel(blank + 5 * noise(4, 1, seed=6).T, static=noise(4, 1, seed=6)),
    }
    panel = panels[kind]()
    problem = Problem(L, 1, norms=("none",))
    training, validation = panel.rows(1, 400), panel.rows(400 - L, 500)
    solution = solve_exact(problem, [training], [validation])
    assert error(solution, problem, [validation]) < 0.02

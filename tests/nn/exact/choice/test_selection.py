"""Which setting is selected."""

import math
from typing import Any

import pytest
import torch
from made_series import H, L, alike, autoregressive, clustered, driven, error, noise

from hyperforecast.nn.exact import (
    ExactOptions,
    ObservedSeries,
    Problem,
    SearchSpace,
    Setting,
    solve_exact,
)
from hyperforecast.nn.exact.choice.ridge_search import without_ridge
from hyperforecast.nn.exact.choice.selection import ModelSelection
from hyperforecast.nn.exact.regressions import generated_regression
from hyperforecast.nn.exact.settings.setting import ComparedSetting
from hyperforecast.nn.exact.splits.data_split import DataSplit


class TestSelection:
    def test_alike_channels_share_their_weights(self) -> None:
        solution = solve_exact(
            Problem(L, H, search=SearchSpace(embedding_dims=(0, 2, 4, 8))), [alike()]
        )
        assert solution.setting.embedding_dim == 0
        assert not solution.setting.individual
        assert solution.mixing.shape == (8, 1)

    def test_an_embedding_is_selected_for_clusters(self) -> None:
        solution = solve_exact(
            Problem(L, H, search=SearchSpace(embedding_dims=(0, 2, 4))), [clustered()]
        )
        assert solution.setting.embedding_dim == 2  # what tells two clusters apart
        assert solution.mixing.shape == (8, 3)
        torch.testing.assert_close(solution.mixing[:, 1:], solution.embedding)

    def test_weights_of_their_own_are_selected_for_unlike_channels(self) -> None:
        lags = torch.tensor([[0.9], [-0.9], [0.5], [-0.5], [0.0], [0.7]])
        series = ObservedSeries(autoregressive(lags, 1500))
        solution = solve_exact(
            Problem(L, H, search=SearchSpace(embedding_dims=(0, 2, 6))), [series]
        )
        assert solution.setting.individual
        torch.testing.assert_close(solution.mixing, torch.eye(6, dtype=torch.float64))

    def test_factors_are_selected_where_channels_follow_one(self) -> None:
        solution = solve_exact(Problem(L, H, search=SearchSpace(n_factors=(0, 1, 4))), [driven()])
        assert solution.setting.n_factors == 1
        assert solution.loadings.shape == (8, 1)

    def test_factors_are_not_selected_for_unrelated_channels(self) -> None:
        solution = solve_exact(Problem(L, H, search=SearchSpace(n_factors=(0, 2, 4))), [alike()])
        assert solution.setting.n_factors == 0
        assert solution.loadings.shape == (8, 0)

    def test_one_head_each_keeps_the_factors_selected(self) -> None:
        problem = Problem(L, H, search=SearchSpace(embedding_dims=(0, 1, 8), n_factors=(0, 1)))
        series, options = driven(1200), ExactOptions()
        training = DataSplit(problem, [series.rows(0, 1000)], options, None, "training")
        held_out = [series.rows(1000 - L, 1200)]
        validation = DataSplit(problem, held_out, options, None, "validation", training)
        selection = ModelSelection(training, validation)
        selected = selection.ridges.solve(Setting("none", 1, False, 0), options.first_ridge)
        each = [Setting("none", 8, True, n_factors, ridge=0.01) for n_factors in (0, 1)]
        # with a factor it is better, but the factor was compared and not selected
        selection.compared = [
            ComparedSetting(each[0], selected.error, False),
            ComparedSetting(each[1], 0.5 * selected.error, False),
        ]
        assert without_ridge(selection._with_one_each(selected).setting) == without_ridge(each[0])

    def test_norm_is_chosen(self) -> None:
        walk = ObservedSeries(noise(600, 3).cumsum(dim=0))
        levels = ObservedSeries(noise(600, 3) + noise(600, 1, seed=1).cumsum(dim=0) * 0.0)
        problem = Problem(L, H, search=SearchSpace(norms=("none", "last", "mean")))
        assert solve_exact(problem, [levels]).setting.norm == "none"
        # trained below zero, validated far above: only what removes the level can follow
        walk = ObservedSeries(
            walk.target + torch.linspace(0, 500, 600, dtype=torch.float64)[:, None]
        )
        assert solve_exact(problem, [walk]).setting.norm in ("last", "mean")

    @pytest.mark.parametrize("series", [alike(), clustered(), driven()])
    @pytest.mark.parametrize("requested", [False, True])
    def test_never_worse_on_validation_than_the_backbone(
        self, series: ObservedSeries, requested: bool
    ) -> None:
        problem = Problem(
            L,
            H,
            search=SearchSpace(
                norms=("none", "last", "mean"),
                embedding_dims=(0, 2, 4),
                n_factors=(0, 2),
                embedding_dim_requested=requested,
                n_factors_requested=requested,
            ),
        )
        training, validation = series.rows(0, 400), series.rows(400 - L, 500)
        solution = solve_exact(problem, [training], [validation])
        plain = solve_exact(Problem(L, H), [training], [validation])
        assert error(solution, problem, [validation]) <= error(plain, problem, [validation]) * (
            1 + 1e-9
        )

    def test_requested_settings_are_selected_with_any_gain(self) -> None:
        series = clustered(seed=3)
        noisy = ObservedSeries(
            series.target + 40 * noise(500, 8, seed=9)
        )  # hardly anything to gain
        requested = Problem(
            L, H, search=SearchSpace(embedding_dims=(0, 2), embedding_dim_requested=True)
        )
        compared = solve_exact(requested, [noisy]).compared
        errors = {entry.setting.embedding_dim: entry.validation_mse for entry in compared}
        gains = errors[2] < errors[0]
        assert (solve_exact(requested, [noisy]).setting.embedding_dim == 2) == gains
        assert 1 - errors[2] / errors[0] < 0.01
        unrequested = Problem(L, H, search=SearchSpace(embedding_dims=(0, 2)))
        assert solve_exact(unrequested, [noisy]).setting.embedding_dim == 0

    def test_errors_reported_are_those_of_the_forecasts(self) -> None:
        """The quadratic form in moments, against forecasts of every validation window."""
        series = clustered()
        training, validation = series.rows(0, 400), series.rows(400 - L, 500)
        problem = Problem(
            L, H, search=SearchSpace(norms=("last",), embedding_dims=(0, 2), n_factors=(0, 1))
        )
        solution = solve_exact(problem, [training], [validation])
        chosen = [entry for entry in solution.compared if entry.setting == solution.setting]
        expected = error(solution, problem, [validation])
        assert chosen[-1].validation_mse == pytest.approx(expected, rel=1e-9)

    def test_the_setting_selected_is_the_last_chosen(self) -> None:
        for series in (alike(), clustered(), driven()):
            problem = Problem(L, H, search=SearchSpace(embedding_dims=(0, 2), n_factors=(0, 1)))
            solution = solve_exact(problem, [series])
            assert [e.setting for e in solution.compared if e.chosen][-1] == solution.setting

    def test_a_ridge_that_is_given_is_taken(self) -> None:
        solution = solve_exact(Problem(L, H), [alike()], options=ExactOptions(ridge=0.123))
        assert solution.setting.ridge == 0.123
        assert [entry.setting.ridge for entry in solution.compared] == [0.123]


class TestErrorsThatAreRounding:
    """Of validation rows so far away that float64 cannot tell."""

    problem = Problem(L, H, search=SearchSpace(norms=("none", "last")))

    def test_are_never_selected(self, monkeypatch: pytest.MonkeyPatch) -> None:
        true_error = DataSplit.error

        def error_of(self: DataSplit, setting: Setting, *arguments: Any) -> float:
            return math.inf if setting.norm == "none" else true_error(self, setting, *arguments)

        monkeypatch.setattr(DataSplit, "error", error_of)
        assert solve_exact(self.problem, [alike()]).setting.norm == "last"

    def test_of_all_settings_are_an_exception(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(DataSplit, "error", lambda *_: math.inf)
        with pytest.raises(ValueError, match="no setting whose error on validation is more than"):
            solve_exact(self.problem, [alike()])

    def test_damping_is_written_beside_the_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def damped(gram: torch.Tensor, damping: torch.Tensor) -> tuple[torch.Tensor, float]:
            return torch.linalg.cholesky(gram + torch.diag(damping)), 0.25 * damping.mean().item()

        monkeypatch.setattr(generated_regression, "damped_cholesky", damped)
        compared = solve_exact(self.problem, [alike()]).compared
        for entry in compared:
            assert entry.damping == pytest.approx(0.25 * entry.setting.ridge)


class TestLearnedEmbedding:
    def test_is_kept_only_where_validation_gains(self) -> None:
        series = clustered()
        training, validation = series.rows(0, 400), series.rows(400 - L, 500)
        problem = Problem(
            L, H, search=SearchSpace(embedding_dims=(0, 1), embedding_dim_requested=True)
        )
        still = solve_exact(problem, [training], [validation], ExactOptions(ridge=1e-3))
        learned = solve_exact(
            problem, [training], [validation], ExactOptions(ridge=1e-3, embedding_steps=5)
        )
        assert still.setting.embedding_dim == 1
        assert not torch.equal(learned.embedding, still.embedding)
        assert error(learned, problem, [validation]) < error(still, problem, [validation])

"""Settings compared on several folds, against each fold by itself."""

from typing import Any

import pytest
import torch
from made_series import H, L, autoregressive, noise
from naive_windows import design

from hyperforecast.nn.exact import (
    ExactOptions,
    ObservedSeries,
    Problem,
    SearchSpace,
    Setting,
    WindowLayout,
    solve_exact,
    solver,
)
from hyperforecast.nn.exact.choice.folds import Fold, FoldedSearch, FoldedWindows, relative_shares
from hyperforecast.nn.exact.choice.ridge_search import RidgeSearch
from hyperforecast.nn.exact.settings.options import RIDGES
from hyperforecast.nn.exact.splits.data_split import DataSplit
from hyperforecast.nn.exact.splits.hold_out import N_FOLDS, hold_out
from hyperforecast.nn.exact.splits.validation_windows import ValidationWindows
from hyperforecast.nn.exact.windows.units import MeanDeviation, Units

SETTING = Setting("none", 0, False, 0)
LONG = ObservedSeries(autoregressive(torch.tensor([[0.8], [-0.5]]), 200), start=0)


def splits(problem: Problem, series: ObservedSeries) -> list[Fold]:
    """Return the folds of a series, all in units of all of its rows."""
    mean = series.target.mean(dim=0)
    target = MeanDeviation(mean, (series.target - mean).square().mean(dim=0).sqrt())
    units = Units(target, past=None, future=None, static=None)
    folds = []
    for training, validation in hold_out(problem, [series]):
        trained = DataSplit(problem, training, ExactOptions(), None, "training", units=units)
        folds.append(
            Fold(trained, DataSplit(problem, validation, ExactOptions(), None, "held", trained))
        )
    return folds


def error_on(fold: Fold, ridge: float) -> float:
    """Mean squared error of the fold's own solution, window by window."""
    weights = fold.training.solve(Setting("none", 0, False, 0, ridge)).weights.weight[0]
    x, y, _ = design(fold.validation.series[0], WindowLayout(L, H))
    return (torch.einsum("tcp,hp->tch", x, weights) - y).square().mean().item()


class TestHoldOut:
    @pytest.mark.parametrize("shift", [0, 3])
    def test_every_window_is_held_out_once_and_its_targets_are_not_trained_on(
        self, shift: int
    ) -> None:
        rows = torch.arange(150.0)[:, None]
        problem, layout = Problem(L, H, shift), WindowLayout(L, H, shift)
        held = []
        for training, (validation,) in hold_out(problem, [ObservedSeries(rows)]):
            _, targets, _ = design(validation, layout)
            held.append(targets[:, 0, 0])
            trained = torch.cat([design(one, layout)[1].flatten() for one in training])
            assert not set(trained.tolist()) & set(targets.flatten().tolist())
            # and no window is lost whose targets lie elsewhere
            assert len(trained) == H * sum(
                not (set(range(first, first + H)) & set(targets.flatten().long().tolist()))
                for first in range(L + shift, 150 - H + 1)
            )
        assert len(held) == N_FOLDS
        torch.testing.assert_close(torch.cat(held), rows[L + shift : 150 - H + 1, 0])

    @pytest.mark.parametrize(
        ("n_windows", "n_folds"), [(4 * (L + H), N_FOLDS), (4 * (L + H) - 1, 1)]
    )
    def test_of_short_series_the_last_fifth_is(self, n_windows: int, n_folds: int) -> None:
        long, given = LONG, ObservedSeries(noise(n_windows + L + H - 1, 2))
        assert len(hold_out(Problem(L, H), [given])) == n_folds
        assert len(hold_out(Problem(L, H), [long, given])) == n_folds
        assert len(hold_out(Problem(L, H), [long, given], 0.2)) == 1
        last = hold_out(Problem(L, H), [given])[-1][1][0]
        assert len(last.target) - L - H + 1 == round((0.25 if n_folds > 1 else 0.2) * n_windows)

    def test_of_weighted_series_the_last_fifth_is(self) -> None:
        weighted = ObservedSeries(LONG.target, weight=torch.ones(200, 1, dtype=torch.float64))
        assert len(hold_out(Problem(L, H), [weighted])) == 1


def test_shares_are_relative_to_given_errors() -> None:
    found = relative_shares([0.25, 0.25, 0.5], [1.0, 4.0, 2.0])
    assert sum(a * b for a, b in zip(found, [1.0, 4.0, 2.0], strict=True)) == pytest.approx(2.25)
    assert found[0] == pytest.approx(4 * found[1])
    assert found[2] == pytest.approx(found[0])
    assert relative_shares([0.5, 0.5], [0.0, 1.0]) == [0.5, 0.5]
    assert relative_shares([0.5, 0.5], [1.0, float("inf")]) == [0.5, 0.5]


class TestFoldedSearch:
    problem = Problem(L, H)
    folds = splits(problem, LONG)

    def search(self) -> FoldedSearch:
        return FoldedSearch([RidgeSearch(*fold, RIDGES) for fold in self.folds])

    def test_errors_are_those_of_the_folds_relative_to_the_first(self) -> None:
        search = self.search()
        counts = [fold.validation.cache.n_windows for fold in self.folds]
        first = [error_on(fold, RIDGES[6]) for fold in self.folds]
        mean = sum(n * e for n, e in zip(counts, first, strict=True)) / sum(counts)
        assert search.solve(SETTING, 6).error == pytest.approx(mean)
        for number in (0, 10):
            errors = [error_on(fold, RIDGES[number]) for fold in self.folds]
            parts = zip(counts, errors, first, strict=True)
            expected = mean * sum(n * e / one for n, e, one in parts) / sum(counts)
            assert search.solve(SETTING, number).error == pytest.approx(expected)

    def test_the_best_ridge_is_that_of_the_mean(self) -> None:
        search = self.search()
        found = search.best(SETTING, 6)
        errors = [search.solve(SETTING, number).error for number in range(len(RIDGES))]
        assert RIDGES.index(found.setting.ridge) == errors.index(min(errors))

    def test_mean_squares_of_windows_are_the_errors_compared(self) -> None:
        search = self.search()
        windows = FoldedWindows([ValidationWindows(fold.validation) for fold in self.folds], search)
        for number in (6, 12):
            one = search.solve(SETTING, number)
            assert windows.errors(one).mean().item() == pytest.approx(one.error)
            assert windows.residuals(one).square().mean().item() == pytest.approx(one.error)
        assert windows.times.unique().numel() == len(windows.times) == 200 - L - H + 1

    def test_one_that_was_forgotten_is_solved_again(self) -> None:
        search = self.search()
        before = search.solve(SETTING, 6)
        search.forget(SETTING)
        again = search.solve(SETTING, 6)
        assert again is not before
        assert again.error == pytest.approx(before.error)


class TestSolution:
    def test_settings_are_compared_by_their_mean_over_folds(self) -> None:
        """And what is selected is fitted on all rows."""
        problem = Problem(L, H, search=SearchSpace(norms=("none",)))
        solution = solve_exact(problem, [LONG])
        folds = splits(Problem(L, H), LONG)
        search = FoldedSearch([RidgeSearch(*fold, RIDGES) for fold in folds])
        expected = search.best(SETTING, RIDGES.index(1e-2))
        assert solution.compared[0].validation_mse == pytest.approx(expected.error)
        whole = DataSplit(problem, [LONG], ExactOptions(), None, "all").solve(solution.setting)
        torch.testing.assert_close(solution.weights.weight, whole.weights.weight)

    @pytest.mark.parametrize(("max_memory_gb", "n_folds"), [(4.0, N_FOLDS), (1e-5, 1)])
    def test_less_memory_than_all_folds_take_leaves_one(
        self, monkeypatch: pytest.MonkeyPatch, max_memory_gb: float, n_folds: int
    ) -> None:
        folds: list[int] = []

        class Selection(solver.ModelSelection):
            def __init__(self, *splits: Any) -> None:
                super().__init__(*splits)
                folds.append(len(self.folds))

        monkeypatch.setattr(solver, "ModelSelection", Selection)
        solve_exact(Problem(L, H), [LONG], options=ExactOptions(max_memory_gb=max_memory_gb))
        assert folds == [n_folds]

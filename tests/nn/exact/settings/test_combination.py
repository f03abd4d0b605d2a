"""Which settings are added up, and what each counts."""

import math
from dataclasses import replace

import pytest
import torch
from made_series import H, L, alike, autoregressive, clustered, driven, error, noise
from naive_windows import design
from solved_networks import forecasts, network_of, targets

from hyperforecast.nn.exact import (
    Combination,
    ExactOptions,
    ExactSolution,
    ObservedSeries,
    Problem,
    RunningFit,
    SearchSpace,
    WindowLayout,
    solve_exact,
)
from hyperforecast.nn.exact.intervals.leave_out import WindowSpan, solve_without
from hyperforecast.nn.exact.settings.combination import (
    ENOUGH,
    EXCESS,
    chosen_shares,
    farthest,
    independent_errors,
    mean_products,
)
from hyperforecast.nn.exact.splits.data_split import DataSplit

SEARCH = SearchSpace(
    norms=("none", "last", "mean"),
    embedding_dims=(0, 2),
    n_factors=(0, 1),
    lookbacks=(None, 4),
    pooled=True,
    combined=True,
)


class TestShares:
    def test_of_errors_that_are_independent_are_alike(self) -> None:
        shares = chosen_shares(torch.eye(4, dtype=torch.float64))
        torch.testing.assert_close(shares, torch.full((4,), 0.25, dtype=torch.float64))

    def test_of_one_that_is_an_error_behind_is_less(self) -> None:
        """Of two whose errors are the same where the first has any: by hand."""
        products = torch.tensor([[1.0, 1.0], [1.0, 1.0 + EXCESS]], dtype=torch.float64)
        first = 1 / (1 + math.exp(-1))  # what the share is drawn towards
        # the error is 1 + EXCESS (1 - s)², the pull twice (s - first)²
        expected = (2 * first + EXCESS) / (2 + EXCESS)
        assert chosen_shares(products)[0].item() == pytest.approx(expected, rel=1e-9)

    def test_of_one_far_behind_are_zero(self) -> None:
        shares = chosen_shares(torch.diag(torch.tensor([1.0, 1.0, 3.0], dtype=torch.float64)))
        assert shares[2] > 0  # independent errors pay at any size
        behind = torch.tensor([[1.0, 1.0], [1.0, 3.0]], dtype=torch.float64)
        assert chosen_shares(behind).tolist() == [1.0, 0.0]

    def test_of_few_errors_are_more_alike(self) -> None:
        """A quarter of enough errors: four times the excess, and four times the pull, by hand."""
        products = torch.tensor([[1.0, 1.0], [1.0, 1.0 + EXCESS]], dtype=torch.float64)
        first = 1 / (1 + math.exp(-1 / 4))
        expected = (2 * 4 * first + EXCESS) / (2 * 4 + EXCESS)
        few = chosen_shares(products, ENOUGH / 4)
        assert few[0].item() == pytest.approx(expected, rel=1e-9)
        many = chosen_shares(products, 4 * ENOUGH)
        torch.testing.assert_close(many, chosen_shares(products), rtol=0, atol=0)
        assert farthest(ENOUGH / 4) == pytest.approx(4 * farthest(ENOUGH))

    def test_independent_errors_are_horizons_times_directions_of_channels(self) -> None:
        torch.manual_seed(0)
        alone = torch.randn(1, 2000, 1, dtype=torch.float64)
        several = torch.randn(8, 2000, 1, dtype=torch.float64)
        for errors, directions in (
            (alone, 1),
            (alone.expand(8, -1, -1), 1),  # all channels miss by the same
            (several * torch.arange(1.0, 9.0)[:, None, None], 8),
        ):
            found = independent_errors(errors, 2000, 1, 0)
            assert found == pytest.approx(2000 * directions, rel=0.02)
            assert independent_errors(errors, 2000, 3, 0) == pytest.approx(3 * found)
        longer = torch.randn(1, 400, 50, dtype=torch.float64)
        assert independent_errors(longer, 8, 1, 0) == pytest.approx(9, rel=0.01)

    def test_where_one_has_no_error_it_forecasts_alone(self) -> None:
        assert chosen_shares(torch.diag(torch.tensor([0.0, 1.0]))).tolist() == [1.0, 0.0]

    def test_products_are_means_over_all_errors(self) -> None:
        errors = [torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, -1.0]])]
        assert mean_products(errors).tolist() == [[2.5, 0.5], [0.5, 5.0]]


@pytest.mark.parametrize("series", [alike(), clustered(), driven()])
def test_a_combination_forecasts_the_weighted_sum(series: ObservedSeries) -> None:
    """Every setting solved and forecast by itself, under its own view of the window."""
    problem = Problem(L, H, search=SEARCH)
    solution = solve_exact(problem, [series.rows(0, 400)], [series.rows(400 - L, 500)])
    settings, shares = solution.combination.settings, solution.combination.shares
    assert len(settings) > 2
    assert sum(shares) == pytest.approx(1.0)
    only = SearchSpace.only(settings)
    split = DataSplit(
        Problem(L, H, search=only), [series.rows(0, 400)], ExactOptions(), None, "all"
    )
    standardised = split.units.standardise(series.rows(400, 500))
    expected = torch.zeros(())
    for setting, share in zip(settings, shares, strict=True):
        alone = split.solve(setting)
        x, y, _ = design(standardised, split.layout(alone.setting.view))
        weight, _ = alone.weights.of_channels(alone.mixing)
        level = standardised.target[L:].unfold(0, H, 1) - y
        expected = expected + share * (torch.einsum("tcp,chp->tch", x, weight) + level)
        assert alone.combination == Combination.alone(setting)
    x, y, _ = design(standardised, split.layout(solution.setting.view))
    weight, _ = solution.weights.of_channels(solution.mixing)
    found = torch.einsum("tcp,chp->tch", x, weight) + standardised.target[L:].unfold(0, H, 1) - y
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_a_combination_is_hardly_worse_on_validation_than_its_best() -> None:
    """It is drawn towards what the errors alone ask for, and no farther."""
    series = driven()
    training, validation = series.rows(0, 400), series.rows(400 - L, 500)
    problem = Problem(L, H, search=SEARCH)
    solution = solve_exact(problem, [training], [validation])
    best = min(entry.validation_mse for entry in solution.compared)
    assert error(solution, problem, [validation]) <= 1.02 * best


def test_the_report_ends_with_what_is_added_up() -> None:
    solution = solve_exact(Problem(L, H, search=SEARCH), [clustered()])
    last = solution.compared[-len(solution.combination.settings) :]
    shares = [entry.share for entry in last]
    assert shares == sorted(shares)
    assert sum(shares) == pytest.approx(1.0)
    assert all(entry.chosen for entry in last)
    assert {entry.setting for entry in last} == set(solution.combination.settings)


@pytest.mark.parametrize(("max_memory_gb", "compared"), [(4.0, True), (1e-6, False)])
def test_pooling_is_compared_where_memory_holds_all_channels(
    max_memory_gb: float, compared: bool
) -> None:
    search = SearchSpace(embedding_dims=(0,), pooled=True)
    options = ExactOptions(max_memory_gb=max_memory_gb)
    solution = solve_exact(Problem(L, H, search=search), [clustered()], options=options)
    assert any(one.setting.shared is not None for one in solution.compared) == compared


def test_levels_are_added_up_with_and_without_a_drift() -> None:
    walk = ObservedSeries(noise(500, 8).cumsum(dim=0))
    search = SearchSpace(norms=("last",), lookbacks=(None,), combined=True)
    solution = solve_exact(Problem(L, H, search=search), [walk])
    with_drift, without = solution.combination.settings
    assert (with_drift.drift, without.drift) == (True, False)
    assert replace(without, drift=True) == with_drift
    split = DataSplit(Problem(L, H, search=search), [walk], ExactOptions(), None, "all")
    weights = [split.solve(one).weights.weight for one in (with_drift, without)]
    torch.testing.assert_close(weights[0][..., :-1], weights[1][..., :-1])
    assert (weights[0][..., -1] != 0).all()
    assert (weights[1][..., -1] == 0).all()
    share = solution.combination.shares[0]
    torch.testing.assert_close(solution.weights.weight[..., -1], share * weights[0][..., -1])


def test_without_others_to_add_one_forecasts_alone() -> None:
    search = SearchSpace(combined=True)
    solution = solve_exact(Problem(L, H, search=search), [clustered()])
    assert solution.combination == Combination.alone(solution.setting)


class TestCombined:
    """What follows a fit, where several settings were added up."""

    series = ObservedSeries(autoregressive(torch.linspace(0.0, 0.95, 8)[:, None].double()))
    problem = Problem(L, H, search=SEARCH)

    @pytest.fixture
    def solution(self) -> ExactSolution:
        found = solve_exact(self.problem, [self.series])
        assert any(one.shared is not None for one in found.combination.settings)
        return found

    def test_the_network_forecasts_the_same_and_folds(self, solution: ExactSolution) -> None:
        network = network_of(solution, self.problem, self.series)
        x, y, _ = design(solution.units.standardise(self.series), layout_of(solution))
        weight, _ = solution.weights.of_channels(solution.mixing)
        expected = (torch.einsum("tcp,chp->tch", x, weight) - y).mT  # errors, (T, H, C)
        found = forecasts(network, self.problem, self.series) - targets(self.problem, self.series)
        torch.testing.assert_close(found / solution.units.target.deviation, expected)
        folded = forecasts(network.fold(), self.problem, self.series)
        torch.testing.assert_close(folded, forecasts(network, self.problem, self.series))

    def test_windows_that_are_taken_in_give_a_fit_on_all_rows(
        self, solution: ExactSolution
    ) -> None:
        running = RunningFit.of(self.problem, ExactOptions(), solution)
        width = self.problem.width
        for first, end in ((0, 300), (300 - width + 1, 301), (301 - width + 1, 500)):
            running = running.counting([self.series.rows(first, end)])
        found = running.solve()
        torch.testing.assert_close(
            found.weights.weight, solution.weights.weight, rtol=1e-7, atol=1e-8
        )
        assert found.combination == solution.combination

    def test_left_out_windows_are_forecast_by_all_others(self, solution: ExactSolution) -> None:
        only = SearchSpace.only(solution.combination.settings)
        problem, options = Problem(L, H, search=only), ExactOptions()
        split = DataSplit(problem, [self.series], options, None, "all")
        whole = split.solve_all(solution.combination)
        found = solve_without(split, whole, [WindowSpan(0, 100, 200)], gap=2)
        left = [self.series.rows(0, 97 + problem.width), self.series.rows(202, 500)]
        alone = DataSplit(problem, left, options, None, "left", split)
        assert found is not None
        expected = alone.solve_all(solution.combination).weights
        torch.testing.assert_close(found.weight, expected.weight, rtol=1e-7, atol=1e-8)

    def test_solving_it_again_compares_nothing(self, solution: ExactSolution) -> None:
        again = solve_exact(self.problem, [self.series], combination=solution.combination)
        torch.testing.assert_close(again.weights.weight, solution.weights.weight)
        assert [entry.share for entry in again.compared] == sorted(solution.combination.shares)
        added = [entry.setting for entry in solution.compared if entry.share]
        assert [entry.setting for entry in again.compared] == added  # the largest is the last


def layout_of(solution: ExactSolution) -> WindowLayout:
    norm, n_factors = solution.setting.norm, solution.setting.n_factors
    loadings = solution.loadings if n_factors else None
    return WindowLayout(L, H, 0, norm, loadings, solution.factor_lookback)

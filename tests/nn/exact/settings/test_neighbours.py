"""All channels' last values, for what the channels' own past does not say."""

from dataclasses import replace

import pytest
import torch
from made_series import H, L, autoregressive, error, noise
from naive_windows import design
from solved_networks import forecasts, network_of, targets
from torch import Tensor

from hyperforecast.nn.exact import (
    Combination,
    ExactOptions,
    ObservedSeries,
    Problem,
    RunningFit,
    SearchSpace,
    Setting,
    WindowLayout,
    solve_exact,
)
from hyperforecast.nn.exact.intervals.leave_out import WindowSpan, solve_without
from hyperforecast.nn.exact.settings.neighbours import Neighbours
from hyperforecast.nn.exact.splits.data_split import DataSplit


def following(n_rows: int = 500) -> ObservedSeries:
    """Channels of which each goes where the one before it was one step ago."""
    x, shocks = torch.zeros(n_rows, 6).double(), noise(n_rows, 6)
    for t in range(1, n_rows):
        x[t] = 0.8 * x[t - 1].roll(1) + 0.2 * x[t - 1] + shocks[t]
    return ObservedSeries(x)


SERIES = following()
SEARCH = SearchSpace(norms=("none",), embedding_dims=(0, 6), neighbours=True)
PROBLEM = Problem(L, H, search=SEARCH)
SETTING = Setting("none", 0, False, 0, 0.01)
MEMBERS = {
    "shared": Combination.alone(SETTING),
    "factors": Combination.alone(Setting("none", 6, True, 2, 0.01)),
    "levels": Combination((SETTING, replace(SETTING, norm="last", lookback=4)), (0.6, 0.4)),
}


def split_of(combination: Combination, series: ObservedSeries = SERIES) -> DataSplit:
    problem = Problem(L, H, search=SearchSpace.only(combination.settings))
    return DataSplit(problem, [series], ExactOptions(factor_lookback=3), None, "all")


def naive_errors(split: DataSplit, combination: Combination, neighbours: Neighbours) -> Tensor:
    """What the last values leave of the errors, (T, C, H): least squares on rows."""
    whole = split.solve_all(combination)
    standardised = split.units.standardise(SERIES)
    layout = split.layout(whole.setting.view)
    x, y, _ = design(standardised, layout)
    left = y - torch.einsum("tcp,chp->tch", x, whole.weights.of_channels(whole.mixing)[0])
    columns = []
    for lag in range(neighbours.n_lags):
        value = standardised.target[L - 1 - lag : len(SERIES.target) - H - lag]
        if neighbours.changes:
            value = value - standardised.target[L - 2 - lag : len(SERIES.target) - H - 1 - lag]
        columns.append(value)
    v = torch.cat(columns, dim=1)
    v, mean_left = v - v.mean(dim=0), left.mean(dim=0)
    penalty = neighbours.ridge * v.square().sum(dim=0).mean()
    square = v.T @ v + penalty * torch.eye(v.shape[1]).double()
    answer = torch.linalg.inv(square) @ v.T @ (left - mean_left).flatten(1)
    return left - mean_left - (v @ answer).view_as(left)


@pytest.mark.parametrize("combination", MEMBERS.values(), ids=MEMBERS.keys())
@pytest.mark.parametrize("changes", [False, True])
@pytest.mark.parametrize("n_lags", [1, 2])
def test_are_a_ridge_regression_of_the_errors(
    combination: Combination, changes: bool, n_lags: int
) -> None:
    split, neighbours = split_of(combination), Neighbours(n_lags, changes, 0.1)
    expected = naive_errors(split, combination, neighbours)
    solution = split.solve_all(replace(combination, neighbours=neighbours))
    x, y, _ = design(split.units.standardise(SERIES), split.layout(solution.setting.view))
    weight, _ = solution.weights.of_channels(solution.mixing)
    found = y - torch.einsum("tcp,chp->tch", x, weight)
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-8)
    network = network_of(solution, split.problem, SERIES)
    errors = targets(split.problem, SERIES) - forecasts(network, split.problem, SERIES)
    errors = (errors / solution.units.target.deviation).mT
    torch.testing.assert_close(errors, expected, rtol=1e-7, atol=1e-7)


def test_enter_at_their_last_values_alone_beside_factors_of_all_lags() -> None:
    """A level that is subtracted brings factors to every lag, and the last values to none more."""
    setting = Setting("none", 6, True, 2, 0.01)
    levels = Combination((setting, replace(setting, norm="mean")), (0.5, 0.5))
    split = split_of(levels)
    solution = split.solve_all(replace(levels, neighbours=Neighbours(1, True, 0.1)))
    network = network_of(solution, split.problem, SERIES)
    assert network.factors is not None
    assert network.factors.n_features == 2 * L + 6 * 2
    x, y, _ = design(split.units.standardise(SERIES), split.layout(solution.setting.view))
    weight, _ = solution.weights.of_channels(solution.mixing)
    expected = y - torch.einsum("tcp,chp->tch", x, weight)
    errors = targets(split.problem, SERIES) - forecasts(network, split.problem, SERIES)
    errors = (errors / solution.units.target.deviation).mT
    torch.testing.assert_close(errors, expected, rtol=1e-7, atol=1e-7)


def test_are_chosen_where_channels_follow_each_other() -> None:
    training, validation = SERIES.rows(0, 400), SERIES.rows(400 - L, 500)
    solution = solve_exact(PROBLEM, [training], [validation])
    assert solution.combination.neighbours is not None
    entry = [one for one in solution.compared if one.chosen][-1]
    assert entry.setting.neighbour_lags == solution.combination.neighbours.n_lags
    assert entry.validation_mse == pytest.approx(error(solution, PROBLEM, [validation]), rel=1e-9)
    without = solve_exact(
        replace(PROBLEM, search=replace(SEARCH, neighbours=False)), [training], [validation]
    )
    assert error(solution, PROBLEM, [validation]) < 0.8 * error(without, PROBLEM, [validation])


def test_are_not_chosen_where_they_do_not() -> None:
    apart = ObservedSeries(autoregressive(torch.full((6, 1), 0.8).double()))
    solution = solve_exact(PROBLEM, [apart])
    assert solution.combination.neighbours is None
    assert solution.setting.neighbour_lags == 0


class TestAfterTheFit:
    combination = replace(MEMBERS["shared"], neighbours=Neighbours(1, False, 0.1))

    def test_left_out_windows_are_forecast_by_all_others(self) -> None:
        split = split_of(self.combination)
        found = solve_without(
            split, split.solve_all(self.combination), [WindowSpan(0, 100, 491)], 2
        )
        alone = DataSplit(
            split.problem, [SERIES.rows(0, 97 + L + H)], split.options, None, "left", split
        )
        assert found is not None
        expected = alone.solve_all(self.combination).weights.weight
        torch.testing.assert_close(found.weight, expected, rtol=1e-7, atol=1e-8)

    def test_stay_while_windows_are_taken_in(self) -> None:
        """Of the frame, as the embedding and the factors are: the other weights follow."""
        first, whole = split_of(self.combination, SERIES.rows(0, 300)), self.combination
        solution = first.solve_all(whole)
        running = RunningFit.of(Problem(L, H), ExactOptions(), solution).counting([SERIES])
        found = running.solve()
        plain = RunningFit.of(
            Problem(L, H), ExactOptions(), replace(solution, combination=MEMBERS["shared"])
        )
        without = plain.counting([SERIES]).solve()
        own, _ = without.weights.of_channels(without.mixing)
        torch.testing.assert_close(found.weights.weight[..., :L], own[..., :L])
        assert solution.neighbours is not None
        added = solution.neighbours.weight.flatten(2)
        torch.testing.assert_close(found.weights.weight[..., L:-1], added)


def test_layout_of_changes() -> None:
    """x[t] - x[t-1] weighs 2, x[t-1] - x[t-2] weighs 5."""
    neighbours = Neighbours(2, True, 0.0)
    weight = torch.tensor([[5.0], [2.0]]).double()
    values = torch.tensor([[[1.0, 4.0, 9.0]]]).double()
    assert neighbours.regressors(values).tolist() == [[3.0, 5.0]]
    assert neighbours.of_values(weight).tolist() == [[[-5.0, 3.0, 2.0]]]
    assert WindowLayout(L, H).n_lags == L

"""The order of a channel's regressors."""

import pytest
import torch
from naive_windows import design
from torch import Tensor

from hyperforecast.nn.exact import ObservedSeries, Regressors, WindowLayout
from hyperforecast.nn.exact.windows.regressors import (
    CONSTANT,
    PENALISED,
    append_constant,
    flatten_factors,
    flatten_past,
    join_groups,
)

ALL = Regressors(n_own=2, n_past=4, n_factors=2, n_static=1)


def number(regressors: Regressors) -> Tensor:
    return torch.arange(regressors.total, dtype=torch.float64)


def test_groups_lie_one_after_the_other() -> None:
    assert ALL.total == 10
    groups = ALL.split(number(ALL))
    assert [group.tolist() for group in groups] == [[0, 1], [2, 3, 4, 5], [6, 7], [8], [9]]
    assert groups._fields == ("own", "past", "factors", "static", "constant")
    torch.testing.assert_close(join_groups(**groups._asdict()), number(ALL))


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("own", ("own",)),
        ("past", ("past",)),
        ("factors", ("factors",)),
        ("shared", ("past", "factors")),
        ("fixed", ("static", "constant")),
    ],
)
@pytest.mark.parametrize("regressors", [ALL, Regressors(2), Regressors(2, n_static=3)])
def test_slices_are_those_of_the_split(
    regressors: Regressors, name: str, members: tuple[str, ...]
) -> None:
    groups = regressors.split(number(regressors))
    expected = torch.cat([getattr(groups, member) for member in members])
    torch.testing.assert_close(number(regressors)[getattr(regressors, name)], expected)


def test_all_but_the_constant_are_penalised() -> None:
    values = number(ALL)
    assert values[CONSTANT] == ALL.split(values).constant
    assert values[PENALISED].tolist() == list(range(9))
    two = values.expand(2, 3, -1).mT  # (M, p, m)
    torch.testing.assert_close(append_constant(two[:, PENALISED], two[:, CONSTANT]), two)


def test_own_lags_each_covariate_and_the_factors_are_penalised_in_units_of_their_own() -> None:
    two_past = Regressors(n_own=3, n_past=6, n_factors=2, n_static=2)
    own, past, factors, static = [0, 0, 0], [1, 2, 1, 2, 1, 2], [3, 3], [4, 5]
    assert two_past.penalty_groups().tolist() == own + past + factors + static
    assert Regressors(2).penalty_groups().tolist() == [0, 0]


def test_groups_are_joined_in_their_order_whatever_the_order_given() -> None:
    one, two = torch.tensor([1.0]), torch.tensor([2.0])
    assert join_groups(constant=two, static=None, own=one).tolist() == [1.0, 2.0]


def test_past_covariates_go_step_by_step_and_factors_factor_by_factor() -> None:
    lags = torch.tensor([[1, 2, 3], [10, 20, 30]])  # (series, lags)
    assert flatten_past(lags).tolist() == [1, 10, 2, 20, 3, 30]
    assert flatten_factors(lags).tolist() == [1, 2, 3, 10, 20, 30]


def test_a_layout_counts_the_regressors_of_the_loops() -> None:
    rows = torch.randn(20, 3, dtype=torch.float64)
    series = ObservedSeries(rows, past=rows[:, :2], static=rows[:3, :2])
    layout = WindowLayout(5, 2, loadings=torch.ones(3, 2).double(), factor_lookback=4)
    assert layout.regressors(series) == Regressors(5, n_past=10, n_factors=8, n_static=2)
    assert design(series, layout)[0].shape[2] == layout.regressors(series).total

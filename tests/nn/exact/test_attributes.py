"""Weights that attributes generate in closed form: what is solved, and how it is put together."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from hyperforecast.nn.exact import ExactOptions, ObservedSeries, Problem
from hyperforecast.nn.exact.settings.combination import Combination
from hyperforecast.nn.exact.settings.search_space import SearchSpace
from hyperforecast.nn.exact.settings.setting import Setting
from hyperforecast.nn.exact.splits.data_split import BESIDE_ATTRIBUTES, DataSplit

L, H, C, S = 6, 2, 7, 2


@pytest.fixture
def split() -> DataSplit:
    torch.manual_seed(3)
    attributes = torch.randn(C, S, dtype=torch.float64)
    series = [
        ObservedSeries(
            torch.randn(40 + 3 * n, 1, dtype=torch.float64).cumsum(0), channels=torch.tensor([n])
        )
        for n in range(C)
    ]
    search = SearchSpace(norms=("none", "last"), embedding_dims=(0, 2), pooled=True)
    problem = Problem(L, H, search=search, n_channels=C, attributes=attributes)
    return DataSplit(problem, series, ExactOptions(), None, "all")


def plain(**others: object) -> Setting:
    return replace(Setting("none", 0, False, 0, ridge=0.1, attributed=True), **others)


def weights_of_channels(split: DataSplit, setting: Setting) -> Tensor:
    regression = split.regression(setting)
    return regression.solve(setting.ridge).of_channels(regression.mixing)[0]


def test_weights_are_linear_in_the_attributes(split: DataSplit) -> None:
    own = weights_of_channels(split, plain())
    assert split.problem.attributes is not None
    known = torch.cat([torch.ones(C, 1).double(), split.problem.attributes], dim=1)
    residual = own.flatten(1) - known @ torch.linalg.lstsq(known, own.flatten(1)).solution
    assert residual.abs().max() < 1e-10
    assert own.std(dim=0).max() > 1e-3  # and they differ
    torch.testing.assert_close(split.mixing(plain())[:, 1:], split.problem.attributes)


def test_vectors_beside_attributes_say_what_these_do_not(split: DataSplit) -> None:
    free = split.vectors(BESIDE_ATTRIBUTES)
    assert split.problem.attributes is not None
    known = torch.cat([torch.ones(C, 1).double(), split.problem.attributes], dim=1)
    counts = torch.tensor([40.0 + 3 * n - (L + H) + 1 for n in range(C)]).double()
    assert (known.T @ (counts[:, None] * free)).abs().max() < 1e-8
    assert free.abs().max() > 0.1


@pytest.mark.parametrize("pooled", [False, True])
def test_known_channels_have_the_sum_and_others_what_attributes_generate_alone(
    split: DataSplit, pooled: bool
) -> None:
    generated = plain(embedding_dim=2, attribute_ridge=3.0)
    other = plain(ridge=0.5)
    if pooled:
        other = plain(ridge=0.5, individual=True, shared_ridge=0.2)
    settings, shares = (generated, other, replace(plain(), attributed=False)), (0.5, 0.3, 0.2)
    solution = split.solve_all(Combination(settings, shares))

    found = solution.weights.of_channels(solution.mixing)[0]
    expected = sum(
        share * weights_of_channels(split, one) for one, share in zip(settings, shares, strict=True)
    )
    torch.testing.assert_close(found, expected)

    # a channel of which nothing but attributes is known: zeros behind them
    unknown = torch.zeros_like(solution.mixing)
    unknown[:, : 1 + S] = solution.mixing[:, : 1 + S]
    alone = (plain(ridge=3.0), plain(ridge=0.2 if pooled else 0.5), settings[2])
    expected = sum(
        share * weights_of_channels(split, one) for one, share in zip(alone, shares, strict=True)
    )
    torch.testing.assert_close(solution.weights.of_channels(unknown)[0], expected)
    assert solution.setting.attributed
    assert solution.setting.individual == pooled
    assert solution.attributes is split.problem.attributes

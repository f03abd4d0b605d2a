"""Solutions without some of the windows."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from made_series import noise
from regression_cases import assert_same_weights, each_route

from hyperforecast.nn.exact import (
    ExactOptions,
    Moments,
    ObservedSeries,
    Problem,
    SearchSpace,
    Setting,
)
from hyperforecast.nn.exact.intervals.leave_out import (
    WindowSpan,
    _Difference,
    gap_beside,
    solve_without,
    window_blocks,
)
from hyperforecast.nn.exact.splits.data_split import DataSplit
from hyperforecast.nn.exact.splits.weighted_split import WeightedSplit

L, H, SHIFT = 6, 3, 1
WIDTH = L + SHIFT + H


class TestBlocks:
    def test_follow_each_other_through_the_series(self) -> None:
        blocks = window_blocks([5, 0, 3], 3, range(3))
        assert blocks == [
            [WindowSpan(0, 0, 3)],
            [WindowSpan(0, 3, 5)],
            [WindowSpan(2, 0, 3)],
        ]

    def test_go_over_the_end_of_a_series(self) -> None:
        assert window_blocks([3, 3], 1, [1, 0]) == [[WindowSpan(1, 0, 3), WindowSpan(0, 0, 3)]]

    @pytest.mark.parametrize("n_blocks", [1, 4, 7, 23])
    def test_every_window_is_left_out_once(self, n_blocks: int) -> None:
        counts = [9, 1, 13]
        blocks = window_blocks(counts, n_blocks, range(len(counts)))
        assert len(blocks) == n_blocks
        found = [(s.series, t) for block in blocks for s in block for t in range(s.first, s.stop)]
        assert found == [(n, t) for n, count in enumerate(counts) for t in range(count)]


KINDS = {"alone": (), "future": ("future",), "all": ("past", "future", "static")}


@each_route
@pytest.mark.parametrize("kinds", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize(
    ("norm", "dim", "individual", "n_factors"),
    [
        ("last", 0, False, 0),
        ("none", 2, False, 1),
        ("revin", 2, False, 0),
        ("mean", 3, True, 0),
    ],
)
def test_equal_those_of_the_other_windows_alone(
    norm: str,
    dim: int,
    individual: bool,
    n_factors: int,
    learned: bool,
    kinds: tuple[str, ...],
    make_series: Callable[..., ObservedSeries],
    route: str,
) -> None:
    """A refit to what is left after a block and the windows beside it."""
    series = [make_series(40, kinds=kinds), make_series(30, kinds=kinds, seed=1)]
    search = SearchSpace((norm,), (dim,), (n_factors,))
    problem, options = Problem(L, H, SHIFT, search=search), ExactOptions(factor_lookback=2)
    split = DataSplit(problem, series, options, None, "all")
    setting = Setting(norm, dim, individual, n_factors, 0.01)
    mixing = split.mixing(setting)
    if learned and not individual:
        mixing = split.mixing(setting, noise(3, dim))
    block = [WindowSpan(0, 14, 31), WindowSpan(1, 0, 4)]
    solution = replace(split.solve(setting), mixing=mixing)
    found = solve_without(split, solution, block, gap=2)

    left = [series[0].rows(0, 11 + WIDTH), series[1].rows(6, 30)]  # windows to 11, and from 6 on
    alone = DataSplit(problem, left, options, None, "left", split)
    embedding = None if individual else mixing[:, 1:]
    regression = alone.regression(setting, embedding)
    assert found is not None
    expected = regression.solve(setting.ridge)
    assert_same_weights(found, expected, {"cholesky": 1e-8, "gradients": 1e-6}[route])


def test_moments_of_fewer_rows_may_be_cut_into_other_chunks(
    make_series: Callable[..., ObservedSeries],
) -> None:
    """More channels fit into a chunk where series are shorter."""
    problem, setting = Problem(L, H, SHIFT), Setting("none", 0, False, 0)
    whole, part = (
        next(
            iter(
                DataSplit(problem, [make_series(n)], ExactOptions(), None, "").moments(setting.view)
            )
        )[1]
        for n in (40, 30)
    )

    def cut(moments: Moments, *stops: int) -> list[tuple[slice, Moments]]:
        slices = [slice(*ends) for ends in pairwise((0, *stops, 3))]
        return [(some, moments.channels(some)) for some in slices]

    found = list(_Difference(cut(whole, 1), cut(part, 2)))
    assert [some for some, _ in found] == [slice(0, 1), slice(1, 2), slice(2, 3)]
    for some, moments in found:
        torch.testing.assert_close(moments.yy, whole.yy[some] - part.yy[some])
        assert moments.n_windows == 10


class TestGap:
    def test_is_what_errors_reach(self) -> None:
        assert gap_beside([WindowSpan(0, 4, 6)], [20], reach=3) == 3

    def test_ends_with_the_series(self) -> None:
        assert gap_beside([WindowSpan(0, 0, 3)], [3, 1], reach=3) == 3

    @pytest.mark.parametrize(("first", "expected"), [(6, 3), (1, 5), (0, 11), (2, 4)])
    def test_leaves_half_where_it_would_leave_nothing(self, first: int, expected: int) -> None:
        """Of 13 windows at least 6, or all that the reach leaves."""
        block = [WindowSpan(0, first, first + 1)]
        assert gap_beside(block, [13], reach=11) == expected
        left = [t for t in range(13) if abs(t - first) > expected]
        wider = [t for t in range(13) if abs(t - first) > expected + 1]
        assert expected == 11 or len(left) >= 6 > len(wider)

    def test_of_a_single_window_there_is_none(self) -> None:
        assert gap_beside([WindowSpan(0, 0, 1)], [1], reach=3) == 2


def test_nothing_left_is_nothing(make_series: Callable[..., ObservedSeries]) -> None:
    split = DataSplit(Problem(L, H, SHIFT), [make_series(WIDTH + 4)], ExactOptions(), None, "all")
    setting = Setting("none", 0, False, 0, 0.01)
    block = [WindowSpan(0, 2, 3)]
    assert solve_without(split, split.solve(setting), block, gap=2) is None
    assert solve_without(split, split.solve(setting), block, gap=1) is not None


@pytest.mark.parametrize("individual", [False, True])
def test_weighted_windows_that_count_alike_are_left_out_as_others(
    individual: bool, make_series: Callable[..., ObservedSeries]
) -> None:
    series = [make_series(40, kinds=("future",)), make_series(30, kinds=("future",), seed=1)]
    search = SearchSpace(("last",), (3 if individual else 2,))
    problem = Problem(L, H, SHIFT, search=search)
    setting = Setting("last", 3 if individual else 2, individual, 0, 0.01)
    block = [WindowSpan(0, 14, 31), WindowSpan(1, 0, 4)]
    plain = DataSplit(problem, series, ExactOptions(), None, "all")
    expected = solve_without(plain, plain.solve(setting), block, gap=2)
    alike = [replace(one, weight=torch.full((len(one.target), 1), 3.0).double()) for one in series]
    weighted = WeightedSplit(problem, alike, ExactOptions(), None, "all", plain)
    found = solve_without(weighted, weighted.solve(setting), block, gap=2)
    assert found is not None
    assert expected is not None
    assert_same_weights(found, expected, 1e-8)


def test_weighted_windows_of_which_none_is_left(make_series: Callable[..., ObservedSeries]) -> None:
    one = make_series(WIDTH + 4)
    counts = torch.arange(len(one.target)) == 2
    split = WeightedSplit(
        Problem(L, H, SHIFT), [replace(one, counts=counts)], ExactOptions(), None, "all"
    )
    setting = Setting("none", 0, False, 0, 0.01)
    solution = split.solve(setting)
    assert solve_without(split, solution, [WindowSpan(0, 2, 3)], gap=0) is None
    assert solve_without(split, solution, [WindowSpan(0, 4, 5)], gap=1) is not None

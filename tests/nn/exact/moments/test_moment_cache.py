"""Moments in bounded memory, against those made at once."""

import weakref
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from made_series import H, L, clustered
from moment_cases import KINDS, assert_same_moments, make_layout, of_channels

from hyperforecast.nn.exact import (
    LINEAR_NORMS,
    ExactOptions,
    Moments,
    ObservedSeries,
    Problem,
    SearchSpace,
    Setting,
    block_moments,
    solve_exact,
    window_moments,
)
from hyperforecast.nn.exact.choice.ridge_search import RidgeSearch
from hyperforecast.nn.exact.moments import window_blocks
from hyperforecast.nn.exact.moments.moment_cache import MomentCache
from hyperforecast.nn.exact.settings.options import RIDGES
from hyperforecast.nn.exact.splits.data_split import DataSplit
from hyperforecast.nn.exact.windows.layout import WindowLayout

few_windows = pytest.mark.parametrize("written_out", [True, False])
"""Whether windows of the series, which are few, are written out."""


class TestMomentCache:
    @few_windows
    @pytest.mark.parametrize("norm", LINEAR_NORMS)
    def test_chunks_that_fit_in_memory_add_up_to_the_same(
        self,
        norm: str,
        written_out: bool,
        make_series: Callable[..., ObservedSeries],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(window_blocks, "MAX_SHORT", 10**9 if written_out else 0)
        kinds = KINDS["all"]
        several = [make_series(40, kinds=kinds), make_series(20, kinds=kinds, seed=1)]
        layout = make_layout(kinds, norm, 1)
        expected = window_moments(several, layout)
        for max_bytes in (1, 200_000, 2**30):
            chunks = MomentCache(several, layout, max_bytes).channel_moments(layout)
            for _ in range(2):  # they can be iterated over again
                seen = 0
                for channels, chunk in chunks:
                    assert channels.start == seen
                    seen = channels.stop
                    assert_same_moments(chunk, Moments(**of_channels(expected, channels)))
                assert seen == 3

    def test_chunks_are_bounded(self, make_series: Callable[..., ObservedSeries]) -> None:
        layout = make_layout((), "none", 0)
        chunks = list(MomentCache([make_series()], layout, 1).channel_moments(layout))
        assert [c for c, _ in chunks] == [slice(0, 1), slice(1, 2), slice(2, 3)]
        assert len(list(MomentCache([make_series()], layout, 2**30).channel_moments(layout))) == 1

    def test_series_without_a_window_are_left_out(
        self, make_series: Callable[..., ObservedSeries]
    ) -> None:
        layout = make_layout((), "none", 0)
        cache = MomentCache([make_series(40), make_series(9)], layout, 2**30)
        assert cache.n_windows == 31
        ((_, moments),) = cache.channel_moments(layout)
        assert_same_moments(moments, window_moments([make_series(40)], layout))

    @pytest.mark.parametrize("most", [10**9, 400, 0], ids=["all", "the shorter", "none"])
    @pytest.mark.parametrize("kinds", KINDS.values(), ids=KINDS.keys())
    @pytest.mark.parametrize("norm", LINEAR_NORMS)
    def test_sums_over_channels_are_those_of_the_channels(
        self,
        norm: str,
        kinds: tuple[str, ...],
        most: int,
        make_series: Callable[..., ObservedSeries],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(window_blocks, "MAX_SHORT", most)
        several = [make_series(40, kinds=kinds), make_series(20, kinds=kinds, seed=1)]
        layout = make_layout(kinds, norm, 1)
        weights = torch.randn(3, 5, dtype=torch.float64)
        expected = block_moments(several, layout).summed(weights[:, :4])
        for max_bytes in (1, 30_000, 2**30):
            for by_channel in (False, True):
                cache = MomentCache(several, layout, max_bytes, weights, by_channel)
                for count in (1, 4, 2, 4):  # more of them are added to those there are
                    some = expected.channels(slice(count))
                    assert_same_moments(cache.summed_moments(layout, count), some)
                cache.release()
                assert_same_moments(cache.summed_moments(layout, 4), expected)

    @pytest.mark.parametrize("kinds", KINDS.values(), ids=KINDS.keys())
    @pytest.mark.parametrize("norm", LINEAR_NORMS)
    def test_short_lookbacks_in_any_order_and_memory(
        self,
        norm: str,
        kinds: tuple[str, ...],
        make_series: Callable[..., ObservedSeries],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(window_blocks, "MAX_SHORT", 0)
        several = [make_series(40, kinds=kinds), make_series(30, kinds=kinds, seed=1)]
        layout = make_layout(kinds, norm, 1)
        shorter = [replace(layout, unused=unused) for unused in (3, 0, 2, 3, 1)]
        expected = {one.unused: block_moments(several, one) for one in shorter}
        weights = torch.rand(3, 2, dtype=torch.float64)
        seen = set()
        for max_bytes in (1, 6000, 20_000, 30_000, 2**30):
            cache = MomentCache(several, layout, max_bytes, weights)
            alone = MomentCache(several, layout, max_bytes, weights, by_channel=False)
            for one in shorter:
                for made in (cache, alone):
                    summed = made.summed_moments(one, 2)
                    assert_same_moments(summed, expected[one.unused].summed(weights))
                for channels, chunk in cache.channel_moments(one):
                    some = Moments(**of_channels(expected[one.unused], channels))
                    assert_same_moments(chunk, some)
                seen |= {kept.first for kept in alone._summed_own.values()}
                seen |= {kept.first for kept in cache._own.values()}
        assert len(seen) > 1  # all rows, and those seen where all do not fit

    def test_sums_of_another_layout_are_not_mistaken(
        self, make_series: Callable[..., ObservedSeries]
    ) -> None:
        several, weights = [make_series(40)], torch.randn(3, 2, dtype=torch.float64)
        layouts = [
            make_layout((), "last", 0),
            make_layout((), "revin", 0),
            make_layout(("factors",), "revin", 0),
        ]
        layouts.append(replace(layouts[2], loadings=2 * layouts[2].loadings))
        cache = MomentCache(several, layouts[0], 2**30, weights)
        for some in (weights, 2 * weights):
            cache.weigh(some)
            for layout in [*layouts, *layouts]:
                expected = window_moments(several, layout).summed(some)
                assert_same_moments(cache.summed_moments(layout, 2), expected)

    @pytest.mark.parametrize(("max_bytes", "made"), [(2**30, 3), (1, 6)])
    def test_sums_of_several_layouts_are_kept_where_they_fit(
        self,
        max_bytes: int,
        made: int,
        make_series: Callable[..., ObservedSeries],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        layouts = [make_layout((), norm, 0) for norm in ("none", "last", "mean")]
        cache = MomentCache([make_series(40)], layouts[0], max_bytes, torch.ones(3, 1).double())
        new_sums, asked = cache._new_sums, []

        def noted(layout: WindowLayout, columns: slice) -> Moments:
            asked.append(layout)
            return new_sums(layout, columns)

        monkeypatch.setattr(cache, "_new_sums", noted)
        for layout in [*layouts, *layouts]:
            cache.summed_moments(layout, 1)
            cache.summed_moments(layout, 1)  # the last ones are kept in any case
        assert len(asked) == made
        assert sum(sums.n_bytes for _, sums in cache._sums[:-1]) <= max_bytes


class TestMemory:
    def test_little_memory_gives_the_same(self) -> None:
        series = clustered()
        problem = Problem(
            L,
            H,
            search=SearchSpace(norms=("none", "last"), embedding_dims=(0, 2, 8), n_factors=(0, 1)),
        )
        # without a size, memory says of how many blocks there is room for the equations
        much = solve_exact(problem, [series], options=ExactOptions(validation_size=0.2))
        options = ExactOptions(validation_size=0.2, max_memory_gb=1e-6)
        little = solve_exact(problem, [series], options=options)
        assert little.setting == much.setting
        torch.testing.assert_close(little.weights.weight, much.weights.weight)
        for one, two in zip(little.compared, much.compared, strict=True):
            assert one.setting == two.setting
            assert one.validation_mse == pytest.approx(two.validation_mse, rel=1e-9)

    @pytest.mark.parametrize(("gigabytes", "kept"), [(1e-9, 2), (1.0, len(RIDGES))])
    def test_large_solutions_are_given_up_but_the_best_and_the_last(
        self, gigabytes: float, kept: int
    ) -> None:
        options = ExactOptions(max_memory_gb=gigabytes)
        split = DataSplit(Problem(L, H), [clustered()], options, None, "training")
        search, setting = RidgeSearch(split, split, RIDGES), Setting("none", 0, False, 0)
        solved = [weakref.ref(search.solve(setting, n)) for n in range(len(RIDGES))]
        assert sum(one() is not None for one in solved) == kept
        errors = [search.solve(setting, n).error for n in range(len(RIDGES))]
        best = search.best(setting, 0)
        assert best.error == min(errors)
        expected = search.training.regression(setting)
        again = expected.solve(best.setting.ridge)
        torch.testing.assert_close(best.weights.weight, again.weight)

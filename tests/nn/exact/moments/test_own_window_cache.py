"""Moments of channels that each have windows of their own, against sums over stretches."""

from dataclasses import fields, replace

import pytest
import torch
from naive_windows import design
from own_windows_cases import N_CHANNELS, columns_of, stretch, stretches

from hyperforecast.nn.exact import Moments, WindowLayout, window_moments
from hyperforecast.nn.exact.moments import window_blocks
from hyperforecast.nn.exact.moments.own_window_cache import OwnWindowCache

SUMS = [one.name for one in fields(Moments) if one.name != "n_windows"]

CASES = [
    ({}, {"norm": "none"}),
    ({"n_static": 2}, {"norm": "last", "unused": 3}),
    ({"n_past": 2, "n_future": 1, "n_static": 1}, {"norm": "mean"}),
    ({"n_past": 1, "n_future": 2}, {"norm": "revin", "unused": 2}),
    ({"n_static": 1}, {"norm": "revin"}),
]


def moments_of(cache: OwnWindowCache, layout: WindowLayout) -> Moments:
    return Moments.stacked([moments for _, moments in cache.channel_moments(layout)])


@pytest.mark.parametrize(("covariates", "options"), CASES)
@pytest.mark.parametrize("max_bytes", [2**24, 2**15])
def test_moments_are_the_sums_over_each_channels_stretches(covariates, options, max_bytes) -> None:
    series = stretches(n_long=40 if covariates else 6000, **covariates)
    layout = WindowLayout(8, 3, 1, **options)
    moments = moments_of(OwnWindowCache(series, layout, N_CHANNELS, max_bytes), layout)
    for channel in range(N_CHANNELS):
        parts = [
            window_moments([replace(one, channels=None)], layout, slice(c, c + 1))
            for one, c in columns_of(series, channel)
        ]
        for name in SUMS:
            found = getattr(moments, name)[channel]
            if parts:
                expected = sum(getattr(part, name)[0] for part in parts)
                torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-8)
            else:
                assert (found == 0).all()


@pytest.mark.parametrize("norm", ["none", "last", "mean", "revin"])
@pytest.mark.parametrize("covariates", [{}, {"n_past": 1, "n_future": 2, "n_static": 1}])
@pytest.mark.parametrize("max_bytes", [2**24, 2**15])
@pytest.mark.parametrize("max_short", [0, 250, 2**16])
def test_factors_are_those_of_the_columns_of_each_stretch(
    norm, covariates, max_bytes, max_short, monkeypatch
) -> None:
    # no windows are written out, those of the shortest stretch, and all
    monkeypatch.setattr(window_blocks, "MAX_SHORT", max_short)
    parts = [(30, [0, 3]), (41, [1, 4]), (17, [0, 3])]
    series = [stretch(n_rows, channels, **covariates) for n_rows, channels in parts]
    loadings = torch.randn(2, 3, dtype=torch.float64)
    layout = WindowLayout(8, 3, 1, norm, loadings, factor_lookback=4, unused=2)
    cache = OwnWindowCache(series, layout, N_CHANNELS, max_bytes)
    found = moments_of(cache, layout)
    rows = [design(one, layout) for one in series]
    for channel in (0, 3, 1, 4):
        several = [
            [values[:, column] for values in rows[number]]
            for number, one in enumerate(series)
            for column in range(2)
            if one.numbers[column] == channel
        ]
        expected = Moments.of_rows(*(torch.cat(some)[None] for some in zip(*several, strict=True)))
        for name in SUMS:
            torch.testing.assert_close(
                getattr(found, name)[channel], getattr(expected, name)[0], rtol=1e-9, atol=1e-8
            )
    weights = torch.randn(N_CHANNELS, 2, dtype=torch.float64)
    cache.weigh(weights)
    summed, expected = cache.summed_moments(layout, 2), found.summed(weights)
    for name in SUMS:
        torch.testing.assert_close(getattr(summed, name), getattr(expected, name))


@pytest.mark.parametrize("norm", ["none", "last", "mean", "revin"])
def test_factors_of_columns_that_share_weights_are_added_up(norm, monkeypatch) -> None:
    monkeypatch.setattr(window_blocks, "MAX_SHORT", 0)
    series = [stretch(30, [0, 1], n_static=1), stretch(41, [2, 3], n_static=1)]
    loadings = torch.randn(2, 1, dtype=torch.float64)
    layout = WindowLayout(8, 3, 1, norm, loadings, factor_lookback=4)
    apart = moments_of(OwnWindowCache(series, layout, 4, 2**24), layout)
    shared = [replace(one, channels=one.numbers // 2) for one in series]
    found = moments_of(OwnWindowCache(shared, layout, 2, 2**24), layout)
    for name in SUMS:
        expected = getattr(apart, name).unflatten(0, (2, 2)).sum(dim=1)
        torch.testing.assert_close(getattr(found, name), expected, rtol=1e-9, atol=1e-8)


def test_sums_over_channels_are_weighted_and_added_to() -> None:
    series, layout = stretches(), WindowLayout(8, 3, 1, "last")
    weights = torch.randn(N_CHANNELS, 3, dtype=torch.float64)
    cache = OwnWindowCache(series, layout, N_CHANNELS, 2**24, weights)
    expected = moments_of(cache, layout).summed(weights)
    assert len(cache.summed_moments(layout, 1).yy) == 1
    found = cache.summed_moments(layout, 3)
    for name in SUMS:
        torch.testing.assert_close(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize("max_bytes", [2**24, 2**15])
def test_sums_follow_layout_and_weights(max_bytes) -> None:
    series = stretches(n_past=1)
    first, second = torch.randn(2, N_CHANNELS, 3, dtype=torch.float64)
    layouts = [WindowLayout(8, 3, 1, norm, unused=n) for norm in ("none", "mean") for n in (0, 4)]
    cache = OwnWindowCache(series, layouts[0], N_CHANNELS, max_bytes, first)
    for weights in (first, second):
        cache.weigh(weights)
        for layout in layouts:
            expected = moments_of(cache, layout).summed(weights)
            found = cache.summed_moments(layout, 3)
            for name in SUMS:
                torch.testing.assert_close(
                    getattr(found, name), getattr(expected, name), rtol=1e-9, atol=1e-8
                )
        cache.release()


def test_what_windows_hold_is_multiplied_once_for_all_layouts(monkeypatch) -> None:
    series, made = stretches(n_past=1), []
    layouts = [WindowLayout(8, 3, 1, norm, unused=n) for norm in ("none", "last") for n in (0, 4)]
    cache = OwnWindowCache(series, layouts[0], N_CHANNELS, 2**24)
    original = OwnWindowCache._of_short
    monkeypatch.setattr(
        OwnWindowCache, "_of_short", lambda self, some: made.append(some) or original(self, some)
    )
    for layout in layouts:
        moments_of(cache, layout)
    assert len(made) == len(cache.channel_chunks(layouts[0]))
    cache.release()
    moments_of(cache, layouts[0])
    assert len(made) > len(cache.channel_chunks(layouts[0]))


def test_stretches_that_overlap_by_all_but_one_row_of_a_window_are_one() -> None:
    layout = WindowLayout(8, 3, 1, "last")
    whole = [stretch(60, [0, 2], n_past=1), stretch(40, [1], n_past=1)]
    cut = [one.rows(*rows) for one in whole for rows in ((0, 31), (20, len(one.target)))]
    expected, found = (
        moments_of(OwnWindowCache(some, layout, 3, 2**24), layout) for some in (whole, cut[::-1])
    )
    for name in SUMS:
        torch.testing.assert_close(getattr(found, name), getattr(expected, name))

"""Moments of series of few windows, against the products of every window written out."""

from collections.abc import Callable
from dataclasses import fields

import pytest
import torch
from moment_cases import KINDS, assert_same_moments, make_layout, naive_moments

from hyperforecast.nn.exact import LINEAR_NORMS, Moments, ObservedSeries
from hyperforecast.nn.exact.moments.short_series import ShortSeries

LENGTHS = (40, 25, 12)


@pytest.mark.parametrize("kept_bytes", [0, 2**20])
@pytest.mark.parametrize("kinds", KINDS.values(), ids=KINDS.keys())
def test_equal_the_naive_products(
    kinds: tuple[str, ...], kept_bytes: int, make_series: Callable[..., ObservedSeries]
) -> None:
    several = [make_series(n, kinds=kinds, seed=n) for n in LENGTHS]
    short = ShortSeries(several, make_layout(kinds, "mean", 1, unused=2), kept_bytes, 3000)
    for norm in LINEAR_NORMS:
        for unused in (0, 4):
            layout = make_layout(kinds, norm, 1, unused=unused)
            if layout.factor_lookback > layout.n_lags:
                continue
            expected = naive_moments(several, layout)
            assert_same_moments(short.moments(layout, slice(None)), expected)
            some = slice(1, 3)
            assert_same_moments(short.moments(layout, some), expected.channels(some))


@pytest.mark.parametrize("norm", ["last", "mean"])
def test_series_that_lie_far_from_each_other_keep_their_digits(norm: str) -> None:
    noise = torch.randn(3, 30, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    levels = torch.tensor([0.0, 2.0**24, -(2.0**26)], dtype=torch.float64)[:, None, None]
    # of differences of whole numbers, which are exact beside any of the levels
    whole = (noise * 2**10).round()
    layout = make_layout((), norm, 1)
    near, far = (
        ShortSeries(list(map(ObservedSeries, values)), layout, 2**20, 2**20)
        for values in (whole, whole + levels)
    )
    expected, found = near.moments(layout, slice(None)), far.moments(layout, slice(None))
    for name in (one.name for one in fields(Moments) if one.name != "n_windows"):
        torch.testing.assert_close(
            getattr(found, name), getattr(expected, name), rtol=1e-12, atol=1e-4
        )


def test_windows_are_multiplied_once_for_all_layouts(
    make_series: Callable[..., ObservedSeries], monkeypatch: pytest.MonkeyPatch
) -> None:
    layouts = [
        make_layout((), norm, 1, unused=unused)
        for norm in ("none", "last", "mean")
        for unused in (0, 3)
    ]
    made: list[ShortSeries] = []
    original = ShortSeries._multiplied
    monkeypatch.setattr(
        ShortSeries, "_multiplied", lambda self: made.append(self) or original(self)
    )
    short = ShortSeries([make_series(n, seed=n) for n in LENGTHS], layouts[0], 2**20, 2**20)
    for layout in layouts:
        short.moments(layout, slice(None))
    assert len(made) == 1
    short.release()
    short.moments(layouts[0], slice(None))
    assert len(made) == 2

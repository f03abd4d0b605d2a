"""Moments by visiting windows, against the products of every window written out."""

from collections.abc import Callable

import pytest
from moment_cases import KINDS, assert_same_moments, make_layout, naive_moments

from hyperforecast.nn.exact import LINEAR_NORMS, ObservedSeries, block_moments


@pytest.mark.parametrize("shift", [0, 2])
@pytest.mark.parametrize("lengths", [(40,), (40, 25, 12)], ids=["one series", "several"])
@pytest.mark.parametrize("kinds", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("norm", LINEAR_NORMS)
def test_equal_the_naive_products(
    norm: str,
    kinds: tuple[str, ...],
    lengths: tuple[int, ...],
    shift: int,
    make_series: Callable[..., ObservedSeries],
) -> None:
    several = [make_series(n, kinds=kinds, seed=n) for n in lengths]
    layout = make_layout(kinds, norm, shift)
    expected = naive_moments(several, layout)
    assert_same_moments(block_moments(several, layout, max_bytes=3000), expected)

"""Sums over channels by pairs of basis weights."""

from collections.abc import Callable

import pytest
import torch
from regression_cases import (
    KINDS,
    assert_same_weights,
    one_chunk,
    random_mixing,
)

from hyperforecast.nn.exact import GeneratedRegression, ObservedSeries, WindowLayout, block_moments
from hyperforecast.nn.exact.moments.pairs import pair_weights
from hyperforecast.nn.exact.regressions.squared_error import pairs_squared_error, squared_error


@pytest.mark.parametrize("kinds", KINDS.values(), ids=KINDS.keys())
def test_sums_by_pairs_are_enough(
    kinds: tuple[str, ...], make_series: Callable[..., ObservedSeries]
) -> None:
    """Those of a longer mixing serve a shorter one."""
    loadings = torch.randn(3, 1, dtype=torch.float64) if "factors" in kinds else None
    layout = WindowLayout(4, 2, 1, "last", loadings, 2 if "factors" in kinds else 0)
    moments = block_moments([make_series(30, kinds=kinds)], layout)
    mixing = random_mixing(n_bases=3)
    pairs = moments.summed(pair_weights(mixing))
    for n_bases in (1, 2, 3):
        short = mixing[:, :n_bases]
        found = GeneratedRegression((), short, pairs).solve(0.03)
        assert_same_weights(found, GeneratedRegression(one_chunk(moments), short).solve(0.03))
        expected = squared_error(one_chunk(moments), found, short)
        assert pairs_squared_error(pairs, found) == pytest.approx(expected, rel=1e-10)

"""What is computed from moments, against sums over windows."""

from collections.abc import Callable

import pytest
import torch
from moment_cases import KINDS, assert_same_moments, make_layout
from naive_windows import design

from hyperforecast.nn.exact import (
    LINEAR_NORMS,
    Moments,
    ObservedSeries,
    block_moments,
    window_moments,
)


@pytest.mark.parametrize("kinds", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("norm", LINEAR_NORMS)
def test_squared_error_is_that_of_the_forecasts(
    norm: str, kinds: tuple[str, ...], make_series: Callable[..., ObservedSeries]
) -> None:
    series, layout = make_series(kinds=kinds), make_layout(kinds, norm, 1)
    x, y, f = design(series, layout)
    weight = torch.randn(3, 3, x.shape[2], dtype=torch.float64)  # (C, H, p)
    future_weight = torch.randn(3, f.shape[3], dtype=torch.float64)
    expected = torch.zeros(3, dtype=torch.float64)
    for c in range(3):
        forecasts = x[:, c] @ weight[c].T + f[:, c] @ future_weight[c]  # (T, H)
        expected[c] = (y[:, c] - forecasts).square().sum()
    found = block_moments([series], layout).squared_error(weight, future_weight)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=0.0)


def test_sums_over_channels(make_series: Callable[..., ObservedSeries]) -> None:
    kinds = KINDS["all"]
    moments = window_moments([make_series(kinds=kinds)], make_layout(kinds, "last", 1))
    weights = torch.randn(3, 4, dtype=torch.float64)
    summed = moments.summed(weights)
    for name in ("xx", "xy", "yy", "xf", "ff", "fy"):
        for m in range(4):
            expected = sum(weights[c, m] * getattr(moments, name)[c] for c in range(3))
            torch.testing.assert_close(getattr(summed, name)[m], expected)
    assert summed.n_windows == moments.n_windows
    some = [moments.summed(weights[:, :1]), moments.summed(weights[:, 1:])]
    assert_same_moments(summed.channels(slice(1)), some[0], 1e-14)
    assert_same_moments(Moments.stacked(some), summed, 1e-14)

"""Moments by recurrence, against the products of every window written out."""

from collections.abc import Callable

import pytest
import torch
from moment_cases import KINDS, assert_same_moments, make_layout, naive_moments, of_channels

from hyperforecast.nn.exact import (
    LINEAR_NORMS,
    Moments,
    ObservedSeries,
    WindowLayout,
    window_moments,
)
from hyperforecast.nn.exact.windows.design_matrix import design_matrix


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
    assert_same_moments(window_moments(several, layout), expected)


@pytest.mark.parametrize("kinds", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("norm", LINEAR_NORMS)
def test_of_a_shorter_lookback_are_those_of_the_rows_that_it_sees(
    norm: str, kinds: tuple[str, ...], make_series: Callable[..., ObservedSeries]
) -> None:
    """Without the rows that no window sees: the same windows of the same origins."""
    several = [make_series(n, kinds=kinds, seed=n) for n in (40, 12)]
    found = window_moments(several, make_layout(kinds, norm, 1, unused=3))
    seen = [one.rows(3, len(one.target)) for one in several]
    assert_same_moments(found, naive_moments(seen, make_layout(kinds, norm, 1, lookback=4)))


@pytest.mark.parametrize("norm", LINEAR_NORMS)
def test_some_channels_are_those_of_all(
    norm: str, make_series: Callable[..., ObservedSeries]
) -> None:
    kinds = KINDS["all"]
    several, layout = [make_series(kinds=kinds)], make_layout(kinds, norm, 1)
    some, every = window_moments(several, layout, slice(1, 3)), window_moments(several, layout)
    assert_same_moments(some, Moments(**of_channels(every, slice(1, 3))))


def test_one_window() -> None:
    x = torch.tensor([[1.0], [2.0], [4.0]], dtype=torch.float64)
    moments = window_moments([ObservedSeries(x)], WindowLayout(2, 1))
    # regressors 1, 2 and the constant; target 4
    row = torch.tensor([1.0, 2.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(moments.xx[0], torch.outer(row, row))
    torch.testing.assert_close(moments.xy[0, :, 0], 4 * row)
    assert moments.yy.item() == pytest.approx(16)
    assert moments.n_windows == 1


def test_long_series_and_a_level_of_a_hundred_deviations() -> None:
    """What the recurrence sums up stays accurate over a long way."""
    random = torch.Generator().manual_seed(0)
    x = 100.0 + torch.randn(20_000, 1, generator=random, dtype=torch.float64)
    layout = WindowLayout(48, 12)
    x_rows, y_rows, _ = design_matrix(ObservedSeries(x), layout).rows()
    found = window_moments([ObservedSeries(x)], layout)
    expected = x_rows[0].T @ x_rows[0]
    torch.testing.assert_close(found.xx[0], expected, rtol=1e-10, atol=0.0)
    torch.testing.assert_close(found.xy[0], x_rows[0].T @ y_rows[0], rtol=1e-10, atol=0.0)

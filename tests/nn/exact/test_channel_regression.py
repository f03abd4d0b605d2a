"""A regression for each channel, against scikit-learn's."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from moment_cases import make_layout
from naive_windows import design
from regression_cases import KINDS, assert_same_weights, each_route, one_chunk, two_chunks
from sklearn.linear_model import Ridge

from hyperforecast.nn.exact import (
    ChannelRegression,
    GeneratedRegression,
    ObservedSeries,
    WindowLayout,
    block_moments,
    window_moments,
)


@each_route
@pytest.mark.parametrize("as_generated", [True, False])
def test_one_hot_mixing_equals_a_ridge_regression_for_each_channel(
    as_generated: bool, route: str, make_series: Callable[..., ObservedSeries]
) -> None:
    series, layout, ridge = make_series(50), WindowLayout(6, 3), 7.0
    x, y, _ = design(series, layout)
    moments = one_chunk(window_moments([series], layout))
    one_hot = torch.eye(3, dtype=torch.float64)
    regressions = GeneratedRegression(moments, one_hot) if as_generated else None
    solved = regressions or ChannelRegression(moments)
    torch.testing.assert_close(solved.mixing, one_hot)
    found = solved.solve(ridge).weight
    for c in range(3):
        expected = Ridge(alpha=ridge).fit(x[:, c, :-1].numpy(), y[:, c].numpy())
        np.testing.assert_allclose(found[c, :, :-1], expected.coef_, rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(found[c, :, -1], expected.intercept_, rtol=1e-8, atol=1e-8)


def test_channels_count_over_all_chunks(
    make_series: Callable[..., ObservedSeries],
) -> None:
    several, layout = [make_series(kinds=("future",))], WindowLayout(5, 2)
    whole = ChannelRegression(one_chunk(block_moments(several, layout)))
    chunks = ChannelRegression(two_chunks(several, layout))
    assert_same_weights(chunks.solve(2.0), whole.solve(2.0), 1e-12)
    assert chunks.scale == pytest.approx(whole.scale)


@pytest.mark.parametrize("kinds", KINDS.values(), ids=KINDS.keys())
def test_equals_generated_weights_of_one_hot_vectors(
    kinds: tuple[str, ...], make_series: Callable[..., ObservedSeries]
) -> None:
    several, layout = [make_series(50, kinds=kinds)], make_layout(kinds, "last", 1)
    moments = one_chunk(window_moments(several, layout))
    one_hot = torch.eye(3, dtype=torch.float64)
    expected = GeneratedRegression(moments, one_hot)
    found = ChannelRegression(moments)
    assert found.scale == pytest.approx(expected.scale)
    assert_same_weights(found.solve(3.0), expected.solve(3.0))


def test_a_channel_whose_equations_rounding_has_made_indefinite_spoils_no_other(
    make_series: Callable[..., ObservedSeries],
) -> None:
    series, layout = make_series(50), WindowLayout(6, 3)
    target = series.target.clone()
    target[:, 1] = 1e9 + torch.arange(50) % 2
    moments = window_moments([ObservedSeries(target)], layout)
    moments.xx[1, 0, 0] -= 1e4  # as rounding may
    found = ChannelRegression(one_chunk(moments)).solve(1e-6).weight
    alone = window_moments([series], layout)
    expected = ChannelRegression(one_chunk(alone)).solve(1e-6).weight
    assert found.isfinite().all()
    torch.testing.assert_close(found[::2], expected[::2], rtol=1e-6, atol=1e-6)

"""A regression for each channel, against scikit-learn's."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from naive_windows import design
from regression_cases import assert_same_weights, each_route, one_chunk, two_chunks
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

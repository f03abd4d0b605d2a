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
    BasisWeights,
    ChannelRegression,
    GeneratedRegression,
    ObservedSeries,
    WindowLayout,
    block_moments,
    window_moments,
)

EACH = torch.eye(3, dtype=torch.float64)
"""Mixing vectors of three channels with weights of their own."""


@each_route
@pytest.mark.parametrize("as_generated", [True, False])
def test_one_hot_mixing_equals_a_ridge_regression_for_each_channel(
    as_generated: bool, route: str, make_series: Callable[..., ObservedSeries]
) -> None:
    series, layout, ridge = make_series(50), WindowLayout(6, 3), 0.02
    x, y, _ = design(series, layout)
    moments = one_chunk(window_moments([series], layout))
    one_hot = torch.eye(3, dtype=torch.float64)
    regressions = GeneratedRegression(moments, one_hot) if as_generated else None
    solved = regressions or ChannelRegression(moments, EACH)
    torch.testing.assert_close(solved.mixing, one_hot)
    found = solved.solve(ridge).weight
    centred = x[..., :-1] - x[..., :-1].mean(dim=0)
    one_unit = centred.square().sum(dim=0).mean().item()  # of equations that are one
    for c in range(3):
        rows = x[:, c, :-1].numpy()
        unit = one_unit if as_generated else np.square(rows - rows.mean(axis=0)).sum(axis=0).mean()
        expected = Ridge(alpha=ridge * unit).fit(rows, y[:, c].numpy())
        np.testing.assert_allclose(found[c, :, :-1], expected.coef_, rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(found[c, :, -1], expected.intercept_, rtol=1e-8, atol=1e-8)


@each_route
def test_channels_count_over_all_chunks(
    route: str,
    make_series: Callable[..., ObservedSeries],
) -> None:
    several, layout = [make_series(kinds=("future",))], WindowLayout(5, 2)
    whole = ChannelRegression(one_chunk(block_moments(several, layout)), EACH)
    chunks = ChannelRegression(two_chunks(several, layout), EACH)
    assert_same_weights(chunks.solve(0.1), whole.solve(0.1), 1e-12)


@each_route
@pytest.mark.parametrize("norm", ["none", "last", "mean"])
def test_units_of_a_channel_do_not_matter(
    norm: str, route: str, make_series: Callable[..., ObservedSeries]
) -> None:
    """Each channel's ridge is its own, so its weights are what they were beside any others."""
    series, layout = make_series(50), WindowLayout(6, 3, norm=norm)
    factors = torch.tensor([1.0, 1e-6, 1e5], dtype=torch.float64)
    scaled = ObservedSeries(series.target * factors)
    one, two = (
        ChannelRegression(one_chunk(window_moments([each], layout)), EACH).solve(1e-3).weight
        for each in (series, scaled)
    )
    torch.testing.assert_close(two[..., :-1], one[..., :-1], rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(two[..., -1] / factors[:, None], one[..., -1], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kinds", KINDS.values(), ids=KINDS.keys())
def test_equals_a_regression_of_each_channel_for_itself(
    kinds: tuple[str, ...], make_series: Callable[..., ObservedSeries]
) -> None:
    series, layout = make_series(50, kinds=kinds), make_layout(kinds, "last", 1)
    moments, regressors = window_moments([series], layout), layout.regressors(series)
    found = ChannelRegression(one_chunk(moments), EACH, regressors).solve(0.1)
    one = torch.ones(1, 1, dtype=torch.float64)
    for c in range(3):
        alone = moments.channels(slice(c, c + 1))
        expected = GeneratedRegression(one_chunk(alone), one, regressors=regressors).solve(0.1)
        assert_same_weights(
            BasisWeights(found.weight[c : c + 1], found.future[c : c + 1]), expected
        )


def test_a_channel_whose_equations_rounding_has_made_indefinite_spoils_no_other(
    make_series: Callable[..., ObservedSeries],
) -> None:
    series, layout = make_series(50), WindowLayout(6, 3)
    moments = window_moments([series], layout)
    expected = ChannelRegression(one_chunk(moments), EACH).solve(1e-6)
    moments.xx[1, 0, 0] -= moments.xx[1, 0, 0] / 2  # as rounding may, far from zero
    found = ChannelRegression(one_chunk(moments), EACH).solve(1e-6)
    assert found.weight.isfinite().all()
    assert found.damping > 0 == expected.damping
    torch.testing.assert_close(found.weight[::2], expected.weight[::2])

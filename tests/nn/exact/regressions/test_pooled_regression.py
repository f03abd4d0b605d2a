"""Weights of each channel's own, drawn towards shared ones."""

from collections.abc import Callable

import pytest
import torch
from made_series import noise
from naive_windows import design

from hyperforecast.nn.exact import (
    BasisWeights,
    ChannelRegression,
    ObservedSeries,
    WindowLayout,
    block_moments,
)
from hyperforecast.nn.exact.regressions.pooled_regression import PooledRegression

LAYOUT = WindowLayout(4, 2)
KINDS = ("future", "static")


@pytest.fixture
def pooled(make_series: Callable[..., ObservedSeries]) -> PooledRegression:
    series = make_series(50, kinds=KINDS)
    moments = [(slice(0, 3), block_moments([series], LAYOUT))]
    shared, mixing = BasisWeights(noise(2, 2, 7), noise(2, 2, seed=1)), noise(3, 2, seed=2)
    return PooledRegression(
        moments, shared, mixing, torch.eye(3).double(), LAYOUT.regressors(series)
    )


@pytest.mark.parametrize("ridge", [1e-3, 1.0, 30.0])
def test_is_a_regression_of_what_the_shared_weights_leave(
    pooled: PooledRegression, make_series: Callable[..., ObservedSeries], ridge: float
) -> None:
    """Windows written out: targets less the shared forecasts, solved for, and added back."""
    series = make_series(50, kinds=KINDS)
    x, y, f = design(series, LAYOUT)
    weight, future = BasisWeights(noise(2, 2, 7), noise(2, 2, seed=1)).of_channels(
        noise(3, 2, seed=2)
    )
    left = y - torch.einsum("tcp,chp->tch", x, weight) - torch.einsum("tchf,cf->tch", f, future)
    residual = block_moments([series], LAYOUT)
    residual = type(residual)(
        residual.xx,
        torch.einsum("tcp,tch->cph", x, left),
        left.square().sum(dim=(0, 2)),
        residual.xf,
        residual.ff,
        torch.einsum("tchf,tch->cf", f, left),
        residual.n_windows,
    )
    own = ChannelRegression(
        [(slice(0, 3), residual)], torch.eye(3).double(), LAYOUT.regressors(series)
    ).solve(ridge)
    found = pooled.solve(ridge)
    torch.testing.assert_close(found.weight, weight + own.weight)
    torch.testing.assert_close(found.future, future + own.future)


def test_without_a_ridge_is_one_head_each(
    pooled: PooledRegression, make_series: Callable[..., ObservedSeries]
) -> None:
    series = make_series(50, kinds=KINDS)
    moments = [(slice(0, 3), block_moments([series], LAYOUT))]
    each = ChannelRegression(moments, torch.eye(3).double(), LAYOUT.regressors(series))
    found, expected = pooled.solve(1e-13), each.solve(1e-13)
    # static covariates and the constant say the same: what is told apart is their sum's forecast
    torch.testing.assert_close(
        found.weight[..., :4], expected.weight[..., :4], rtol=1e-6, atol=1e-6
    )


def test_with_a_large_ridge_is_the_shared_weights(pooled: PooledRegression) -> None:
    weight, future = BasisWeights(noise(2, 2, 7), noise(2, 2, seed=1)).of_channels(
        noise(3, 2, seed=2)
    )
    found = pooled.solve(1e12)
    torch.testing.assert_close(found.weight[..., :-1], weight[..., :-1], rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(found.future, future, rtol=1e-8, atol=1e-8)

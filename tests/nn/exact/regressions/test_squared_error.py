"""The squared error of weights, against that of their forecasts."""

from collections.abc import Callable

import pytest
import torch
from naive_windows import design
from regression_cases import random_mixing, two_chunks

from hyperforecast.nn.exact import (
    BasisWeights,
    GeneratedRegression,
    ObservedSeries,
    WindowLayout,
    block_moments,
)
from hyperforecast.nn.exact.moments.pairs import pair_weights
from hyperforecast.nn.exact.regressions.squared_error import pairs_squared_error, squared_error


@pytest.mark.parametrize("norm", ["none", "revin"])
def test_objective_is_the_squared_error_and_the_penalty(
    norm: str, make_series: Callable[..., ObservedSeries]
) -> None:
    series, layout = make_series(kinds=("future", "past")), WindowLayout(5, 3, 1, norm)
    x, y, f = design(series, layout)
    mixing = random_mixing()
    random = torch.Generator().manual_seed(1)
    weights = BasisWeights(
        torch.randn(2, 3, x.shape[2], generator=random, dtype=torch.float64),
        torch.randn(2, 2, generator=random, dtype=torch.float64),
    )
    error = 0.0
    for c in range(3):
        own = sum(mixing[c, k] * weights.weight[k] for k in range(2))
        common = sum(mixing[c, k] * weights.future[k] for k in range(2))
        error += (y[:, c] - x[:, c] @ own.T - f[:, c] @ common).square().sum().item()
    moments = two_chunks([series], layout)
    assert squared_error(moments, weights, mixing) == pytest.approx(error, rel=1e-10)
    solver = GeneratedRegression(moments, mixing, regressors=layout.regressors(series))
    penalty = (weights.weight[..., :-1].square() * solver.units).sum()
    penalty = penalty + (weights.future.square() * solver.future_units).sum()
    assert solver.objective(weights, 2.0) == pytest.approx(error + 2 * penalty.item(), rel=1e-10)
    pairs = block_moments([series], layout).summed(pair_weights(mixing))
    assert pairs_squared_error(pairs, weights) == pytest.approx(error, rel=1e-10)

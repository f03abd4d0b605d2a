"""Generated weights, against the pseudo-inverse and scikit-learn."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from naive_windows import design
from regression_cases import (
    KINDS,
    assert_same_weights,
    each_route,
    one_chunk,
    random_mixing,
    stacked_least_squares,
    two_chunks,
)
from sklearn.linear_model import Ridge

from hyperforecast.nn.exact import (
    LINEAR_NORMS,
    BasisWeights,
    GeneratedRegression,
    ObservedSeries,
    WindowLayout,
    window_moments,
)


@each_route
@pytest.mark.parametrize("kinds", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("norm", LINEAR_NORMS)
def test_equals_the_pseudo_inverse(
    norm: str, kinds: tuple[str, ...], route: str, make_series: Callable[..., ObservedSeries]
) -> None:
    several = [make_series(30, kinds=kinds), make_series(25, kinds=kinds, seed=1)]
    loadings = torch.randn(3, 1, dtype=torch.float64) if "factors" in kinds else None
    layout = WindowLayout(4, 2, 1, norm, loadings, 2 if "factors" in kinds else 0)
    mixing, ridge = random_mixing(), 3.0
    solved = GeneratedRegression(two_chunks(several, layout), mixing)
    assert solved.direct == (route != "gradients")
    assert_same_weights(solved.solve(ridge), stacked_least_squares(several, layout, mixing, ridge))


@each_route
def test_a_path_of_ridges_equals_each_alone(
    route: str, make_series: Callable[..., ObservedSeries]
) -> None:
    moments = one_chunk(window_moments([make_series(kinds=("future",))], WindowLayout(5, 2)))
    path = GeneratedRegression(moments, random_mixing())
    for ridge in (100.0, 1e-3, 5.0):
        assert_same_weights(
            path.solve(ridge), GeneratedRegression(moments, random_mixing()).solve(ridge)
        )


@each_route
@pytest.mark.parametrize("n_channels", [1, 3])
def test_shared_weights_equal_ridge_regression_of_scikit_learn(
    n_channels: int, route: str, make_series: Callable[..., ObservedSeries]
) -> None:
    series, layout, ridge = make_series(50, n_channels), WindowLayout(6, 3, norm="last"), 7.0
    x, y, _ = design(series, layout)
    rows, targets = x[..., :-1].flatten(0, 1), y.flatten(0, 1)
    expected = Ridge(alpha=ridge, fit_intercept=True).fit(rows.numpy(), targets.numpy())
    shared = torch.ones(n_channels, 1, dtype=torch.float64)
    moments = one_chunk(window_moments([series], layout))
    found = GeneratedRegression(moments, shared).solve(ridge).weight[0]
    np.testing.assert_allclose(found[:, :-1], expected.coef_, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(found[:, -1], expected.intercept_, rtol=1e-8, atol=1e-8)


@each_route
def test_constants_are_not_penalised(route: str) -> None:
    """A huge ridge leaves the mean target of each channel, and nothing else."""
    random = torch.Generator().manual_seed(0)
    x = torch.randn(80, 3, generator=random, dtype=torch.float64) + torch.tensor([1.0, 5.0, -9.0])
    layout = WindowLayout(4, 2)
    _, y, _ = design(ObservedSeries(x), layout)
    moments = one_chunk(window_moments([ObservedSeries(x)], layout))
    found = GeneratedRegression(moments, torch.eye(3, dtype=torch.float64)).solve(1e12)
    torch.testing.assert_close(found.weight[..., -1], y.mean(dim=0), rtol=1e-6, atol=1e-6)
    assert found.weight[..., :-1].abs().max() < 1e-6


@pytest.mark.parametrize("norm", ["none", "last", "mean"])
@pytest.mark.parametrize("level", [1e2, 1e4])
def test_the_level_of_a_series_does_not_matter(
    level: float, norm: str, make_series: Callable[..., ObservedSeries]
) -> None:
    layout, low = WindowLayout(6, 2, norm=norm), make_series(100)
    high = ObservedSeries(low.target + level)
    shared = torch.ones(3, 1, dtype=torch.float64)
    regressions = [
        GeneratedRegression(one_chunk(window_moments([series], layout)), shared)
        for series in (low, high)
    ]
    assert regressions[1].scale == pytest.approx(regressions[0].scale, rel=1e-5)
    at_low, at_high = (one.solve(1e-4 * one.scale).weight[0] for one in regressions)
    torch.testing.assert_close(at_high[:, :-1], at_low[:, :-1], rtol=1e-4, atol=1e-4)


@each_route
def test_stays_solvable_where_the_equations_are_singular(route: str) -> None:
    """A constant channel, an embedding column of zeros, and one series twice as covariates."""
    random = torch.Generator().manual_seed(0)
    target = torch.randn(60, 3, generator=random, dtype=torch.float64)
    target[:, 1] = 4.0
    past = target[:, :1].expand(-1, 2).contiguous()
    layout = WindowLayout(5, 2)
    moments = one_chunk(window_moments([ObservedSeries(target, past)], layout))
    mixing = torch.cat([random_mixing(), torch.zeros(3, 1, dtype=torch.float64)], dim=1)
    found = GeneratedRegression(moments, mixing)
    weights = found.solve(1e-3 * found.scale)
    assert torch.isfinite(weights.weight).all()
    # the gradient of the objective vanishes: nothing better is near
    best = found.objective(weights, 1e-3 * found.scale)
    for seed in range(5):
        random.manual_seed(seed)
        step = 1e-2 * torch.randn(weights.weight.shape, generator=random, dtype=torch.float64)
        moved = BasisWeights(weights.weight + step, weights.future)
        assert found.objective(moved, 1e-3 * found.scale) >= best

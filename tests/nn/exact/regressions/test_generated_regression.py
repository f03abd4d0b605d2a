"""Generated weights, against the pseudo-inverse and scikit-learn."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from naive_windows import design
from regression_cases import (
    KINDS,
    assert_same_weights,
    each_route,
    one_chunk,
    penalty_units,
    random_mixing,
    stacked_least_squares,
    two_chunks,
)
from sklearn.linear_model import Ridge
from torch import Tensor

from hyperforecast.nn.exact import (
    LINEAR_NORMS,
    BasisWeights,
    GeneratedRegression,
    ObservedSeries,
    WindowLayout,
    block_moments,
    window_moments,
)


def regression(
    several: list[ObservedSeries], layout: WindowLayout, mixing: Tensor
) -> GeneratedRegression:
    regressors = layout.regressors(several[0])
    return GeneratedRegression(two_chunks(several, layout), mixing, regressors=regressors)


@each_route
@pytest.mark.parametrize("kinds", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("norm", LINEAR_NORMS)
def test_equals_the_pseudo_inverse(
    norm: str, kinds: tuple[str, ...], route: str, make_series: Callable[..., ObservedSeries]
) -> None:
    several = [make_series(30, kinds=kinds), make_series(25, kinds=kinds, seed=1)]
    loadings = torch.randn(3, 1, dtype=torch.float64) if "factors" in kinds else None
    layout = WindowLayout(4, 2, 1, norm, loadings, 2 if "factors" in kinds else 0)
    mixing, ridge = random_mixing(), 0.03
    solved = regression(several, layout, mixing)
    assert solved.direct == (route != "gradients")
    assert_same_weights(solved.solve(ridge), stacked_least_squares(several, layout, mixing, ridge))


@each_route
def test_a_path_of_ridges_equals_each_alone(
    route: str, make_series: Callable[..., ObservedSeries]
) -> None:
    moments = one_chunk(window_moments([make_series(kinds=("future",))], WindowLayout(5, 2)))
    path = GeneratedRegression(moments, random_mixing())
    for ridge in (1.0, 1e-3, 0.05):
        assert_same_weights(
            path.solve(ridge), GeneratedRegression(moments, random_mixing()).solve(ridge)
        )


@each_route
@pytest.mark.parametrize("n_channels", [1, 3])
def test_shared_weights_equal_ridge_regression_of_scikit_learn(
    n_channels: int, route: str, make_series: Callable[..., ObservedSeries]
) -> None:
    series, layout, ridge = make_series(50, n_channels), WindowLayout(6, 3, norm="last"), 0.02
    x, y, _ = design(series, layout)
    rows, targets = x[..., :-1].flatten(0, 1), y.flatten(0, 1)
    unit = (rows - rows.mean(dim=0)).square().sum(dim=0).mean().item()
    expected = Ridge(alpha=ridge * unit, fit_intercept=True).fit(rows.numpy(), targets.numpy())
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


@each_route
@pytest.mark.parametrize("norm", LINEAR_NORMS)
@pytest.mark.parametrize("level", [1e2, 1e4])
def test_the_level_of_a_series_does_not_matter(
    level: float, norm: str, route: str, make_series: Callable[..., ObservedSeries]
) -> None:
    """The constants take it up, as far as the digits of its square go."""
    layout, low = WindowLayout(6, 2, norm=norm), make_series(100)
    high = ObservedSeries(low.target + level)
    at_low, at_high = (
        GeneratedRegression(one_chunk(block_moments([series], layout)), random_mixing())
        for series in (low, high)
    )
    torch.testing.assert_close(at_high.units, at_low.units, rtol=1e-7, atol=0.0)
    expected, found = (one.solve(1e-4).weight[..., :-1] for one in (at_low, at_high))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


class TestUnits:
    """Of the ridge, for each group of regressors."""

    @each_route
    @pytest.mark.parametrize("norm", LINEAR_NORMS)
    def test_are_what_the_constants_leave_of_each_group(
        self, norm: str, route: str, make_series: Callable[..., ObservedSeries]
    ) -> None:
        kinds = ("past", "future", "static")
        several = [make_series(30, kinds=kinds), make_series(25, kinds=kinds, seed=1)]
        loadings = torch.randn(3, 2, dtype=torch.float64)
        layout = WindowLayout(4, 2, 1, norm, loadings, 2)
        found = regression(several, layout, random_mixing())
        units, future = penalty_units(several, layout, random_mixing())
        torch.testing.assert_close(found.units, units, rtol=1e-9, atol=0.0)
        torch.testing.assert_close(found.future_units, future, rtol=1e-9, atol=0.0)

    @each_route
    @pytest.mark.parametrize("factor", [1e-9, 1e4, 1e9])
    @pytest.mark.parametrize("kind", ["past", "future", "static"])
    def test_of_a_covariate_do_not_matter(
        self, kind: str, factor: float, route: str, make_series: Callable[..., ObservedSeries]
    ) -> None:
        """In other units its weights are in other units, and all others are as they were."""
        layout = WindowLayout(4, 2)
        series = make_series(40, kinds=(kind,))
        scaled = replace(series, **{kind: factor * getattr(series, kind)})
        one, two = (
            regression([each], layout, random_mixing()).solve(1e-2) for each in (series, scaled)
        )
        torch.testing.assert_close(
            two.weight[..., layout.regressors(series).own],
            one.weight[..., layout.regressors(series).own],
            rtol=1e-7,
            atol=1e-9,
        )
        place = {"past": slice(4, 12), "static": slice(4, 6)}
        if kind == "future":
            torch.testing.assert_close(two.future * factor, one.future, rtol=1e-7, atol=1e-9)
        else:
            theirs, ours = (w.weight[..., place[kind]] for w in (two, one))
            torch.testing.assert_close(theirs * factor, ours, rtol=1e-7, atol=1e-9)

    @each_route
    def test_a_constant_covariate_gets_no_weight(
        self, route: str, make_series: Callable[..., ObservedSeries]
    ) -> None:
        series = make_series(40)
        same = torch.full((40, 1), 3.0, dtype=torch.float64)
        constant = replace(series, past=same, future=same)
        layout = WindowLayout(4, 2)
        found = regression([constant], layout, random_mixing()).solve(1e-2)
        expected = regression([series], layout, random_mixing()).solve(1e-2)
        torch.testing.assert_close(found.weight[..., :4], expected.weight[..., :4])
        assert found.weight[..., 4:8].abs().max() < 1e-10
        assert found.future.abs().max() < 1e-10


class TestRank:
    """Vectors [1, z] that span less than their length."""

    @each_route
    @pytest.mark.parametrize(
        "embedding",
        [
            [[0.7], [0.7], [0.7]],  # correlated channels, as one component sees them
            [[0.0], [0.0], [0.0]],
            [[1.0, 0.5], [1.0, 0.5], [-2.0, -1.0]],  # a duplicate, in two proportional columns
            [[1.0, 0.0, 2.0], [0.3, 0.5, 1.0], [0.2, -1.0, 3.0]],  # more columns than channels
        ],
    )
    def test_equals_the_shortest_solution_of_least_squares(
        self,
        embedding: list[list[float]],
        route: str,
        make_series: Callable[..., ObservedSeries],
    ) -> None:
        several, layout = [make_series(30, kinds=("past", "future"))], WindowLayout(4, 2)
        columns = torch.tensor(embedding, dtype=torch.float64)
        mixing = torch.cat([torch.ones(3, 1, dtype=torch.float64), columns], dim=1)
        found = regression(several, layout, mixing).solve(0.03)
        assert_same_weights(found, stacked_least_squares(several, layout, mixing, 0.03))


class TestDamping:
    def test_is_none_where_the_equations_are_definite(
        self, make_series: Callable[..., ObservedSeries]
    ) -> None:
        solved = regression([make_series()], WindowLayout(5, 2), random_mixing())
        assert solved.solve(1e-5).damping == 0.0

    def test_is_written_down(self, make_series: Callable[..., ObservedSeries]) -> None:
        """Moments that no windows have, as rounding can leave them, are indefinite."""
        series = make_series(100)
        moments = block_moments([series], WindowLayout(5, 2))
        moments.xx[:, 0, 0] = 0.0  # as no sums of squares are
        solved = GeneratedRegression(one_chunk(moments), random_mixing())
        weights = solved.solve(1e-5)
        assert weights.damping == solved.damping > 0.0
        assert torch.isfinite(weights.weight).all()
        # it is counted in units of the ridge, and as good as one
        again = GeneratedRegression(one_chunk(moments), random_mixing())
        assert_same_weights(again.solve(1e-5 + weights.damping), weights, 1e-6)
        assert again.damping == 0.0


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
    weights = found.solve(1e-3)
    assert torch.isfinite(weights.weight).all()
    # the gradient of the objective vanishes: nothing better is near
    best = found.objective(weights, 1e-3)
    for seed in range(5):
        random.manual_seed(seed)
        step = 1e-2 * torch.randn(weights.weight.shape, generator=random, dtype=torch.float64)
        moved = BasisWeights(weights.weight + step, weights.future)
        assert found.objective(moved, 1e-3) >= best

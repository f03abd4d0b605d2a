"""Ridge regressions from moments, against least squares on the windows themselves."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from naive_windows import design, designs
from sklearn.linear_model import Ridge
from torch import Tensor

from hyperforecast.nn.exact import (
    LINEAR_NORMS,
    ChannelRegression,
    GeneratedRegression,
    Moments,
    Panel,
    Weights,
    WindowLayout,
    block_moments,
    regression,
    window_moments,
)
from hyperforecast.nn.exact.fit import solve_embedding
from hyperforecast.nn.exact.regression import (
    conjugate_gradients,
    pair_weights,
    pairs_squared_error,
    squared_error,
)

ROUTES = ("cholesky", "gradients")


@pytest.fixture
def route(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Send every problem, however small, down one route."""
    monkeypatch.setattr(
        regression, "MAX_DIRECT", {"cholesky": 10**6, "gradients": 0}[request.param]
    )
    return request.param


each_route = pytest.mark.parametrize("route", ROUTES, indirect=True)


def one_piece(moments: Moments) -> list[tuple[slice, Moments]]:
    return [(slice(0, len(moments.yy)), moments)]


def two_pieces(panels: list[Panel], layout: WindowLayout) -> list[tuple[slice, Moments]]:
    """Moments as they come where channels do not fit in memory at once."""
    return [(c, block_moments(panels, layout, c)) for c in (slice(0, 2), slice(2, 3))]


def random_mixing(n_channels: int = 3, n_mixed: int = 2) -> Tensor:
    random = torch.Generator().manual_seed(3)
    embedding = torch.randn(n_channels, n_mixed - 1, generator=random, dtype=torch.float64)
    return torch.cat([torch.ones(n_channels, 1, dtype=torch.float64), embedding], dim=1)


def stacked_least_squares(
    panels: list[Panel], layout: WindowLayout, mixing: Tensor, ridge: float
) -> Weights:
    """Solve one long least-squares problem whose unknowns are all weights of all steps.

    A row for every window, channel and step; the penalty as further rows. Solved by the
    pseudo-inverse of the rows, never by normal equations.
    """
    x, y, f = designs(panels, layout)
    n_windows, n_channels, p = x.shape
    horizon, n_future = f.shape[2:]
    n_mixed = mixing.shape[1]
    n_own, n_common = n_mixed * p * horizon, n_mixed * n_future
    rows, right = [], []
    for t in range(n_windows):
        for c in range(n_channels):
            mixed = torch.outer(mixing[c], x[t, c]).flatten()  # (K·p,)
            for h in range(horizon):
                row = torch.zeros(horizon, n_mixed * p, dtype=x.dtype)
                row[h] = mixed
                common = torch.outer(mixing[c], f[t, c, h]).flatten()
                rows.append(torch.cat([row.flatten(), common]))
                right.append(y[t, c, h])
    penalised = torch.ones(horizon, n_mixed, p, dtype=x.dtype)
    penalised[:, :, -1] = 0.0
    weights = torch.cat([penalised.flatten(), torch.ones(n_common)]).to(x) * ridge**0.5
    a = torch.cat([torch.stack(rows), torch.diag(weights)])
    b = torch.cat([torch.stack(right), torch.zeros(n_own + n_common, dtype=x.dtype)])
    solved = torch.linalg.pinv(a) @ b
    own = solved[:n_own].view(horizon, n_mixed, p).transpose(0, 1)
    return Weights(own, solved[n_own:].view(n_mixed, n_future))


def assert_same(found: Weights, expected: Weights, tolerance: float = 1e-8) -> None:
    torch.testing.assert_close(found.weight, expected.weight, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(found.future, expected.future, rtol=tolerance, atol=tolerance)


KINDS = {
    "alone": (),
    "past": ("past",),
    "future": ("future",),
    "static": ("static",),
    "factors": ("factors",),
    "future and past": ("future", "past"),
}


@each_route
@pytest.mark.parametrize("kinds", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("norm", LINEAR_NORMS)
def test_equals_the_pseudo_inverse(
    norm: str, kinds: tuple[str, ...], route: str, make_panel: Callable[..., Panel]
) -> None:
    panels = [make_panel(30, kinds=kinds), make_panel(25, kinds=kinds, seed=1)]
    loadings = torch.randn(3, 1, dtype=torch.float64) if "factors" in kinds else None
    layout = WindowLayout(4, 2, 1, norm, loadings, 2 if "factors" in kinds else 0)
    mixing, ridge = random_mixing(), 3.0
    solved = GeneratedRegression(two_pieces(panels, layout), mixing)
    assert solved.direct == (route != "gradients")
    assert_same(solved.solve(ridge), stacked_least_squares(panels, layout, mixing, ridge))


@pytest.mark.parametrize("kinds", KINDS.values(), ids=KINDS.keys())
def test_sums_by_pairs_are_enough(kinds: tuple[str, ...], make_panel: Callable[..., Panel]) -> None:
    """Those of a longer mixing serve a shorter one."""
    loadings = torch.randn(3, 1, dtype=torch.float64) if "factors" in kinds else None
    layout = WindowLayout(4, 2, 1, "last", loadings, 2 if "factors" in kinds else 0)
    moments = block_moments([make_panel(30, kinds=kinds)], layout)
    mixing = random_mixing(n_mixed=3)
    pairs = moments.mixed(pair_weights(mixing))
    for n_mixed in (1, 2, 3):
        short = mixing[:, :n_mixed]
        found = GeneratedRegression((), short, pairs).solve(3.0)
        assert_same(found, GeneratedRegression(one_piece(moments), short).solve(3.0))
        expected = squared_error(one_piece(moments), found, short)
        assert pairs_squared_error(pairs, found) == pytest.approx(expected, rel=1e-10)


@each_route
def test_a_path_of_ridges_equals_each_alone(route: str, make_panel: Callable[..., Panel]) -> None:
    moments = one_piece(window_moments([make_panel(kinds=("future",))], WindowLayout(5, 2)))
    path = GeneratedRegression(moments, random_mixing())
    for ridge in (100.0, 1e-3, 5.0):
        assert_same(path.solve(ridge), GeneratedRegression(moments, random_mixing()).solve(ridge))


@each_route
@pytest.mark.parametrize("n_channels", [1, 3])
def test_shared_weights_equal_ridge_regression_of_scikit_learn(
    n_channels: int, route: str, make_panel: Callable[..., Panel]
) -> None:
    panel, layout, ridge = make_panel(50, n_channels), WindowLayout(6, 3, norm="last"), 7.0
    x, y, _ = design(panel, layout)
    rows, targets = x[..., :-1].flatten(0, 1), y.flatten(0, 1)
    expected = Ridge(alpha=ridge, fit_intercept=True).fit(rows.numpy(), targets.numpy())
    shared = torch.ones(n_channels, 1, dtype=torch.float64)
    moments = one_piece(window_moments([panel], layout))
    found = GeneratedRegression(moments, shared).solve(ridge).weight[0]
    np.testing.assert_allclose(found[:, :-1], expected.coef_, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(found[:, -1], expected.intercept_, rtol=1e-8, atol=1e-8)


@each_route
@pytest.mark.parametrize("as_generated", [True, False])
def test_one_hot_mixing_equals_a_ridge_regression_for_each_channel(
    as_generated: bool, route: str, make_panel: Callable[..., Panel]
) -> None:
    panel, layout, ridge = make_panel(50), WindowLayout(6, 3), 7.0
    x, y, _ = design(panel, layout)
    moments = one_piece(window_moments([panel], layout))
    one_hot = torch.eye(3, dtype=torch.float64)
    regressions = GeneratedRegression(moments, one_hot) if as_generated else None
    solved = regressions or ChannelRegression(moments)
    torch.testing.assert_close(solved.mixing, one_hot)
    found = solved.solve(ridge).weight
    for c in range(3):
        expected = Ridge(alpha=ridge).fit(x[:, c, :-1].numpy(), y[:, c].numpy())
        np.testing.assert_allclose(found[c, :, :-1], expected.coef_, rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(found[c, :, -1], expected.intercept_, rtol=1e-8, atol=1e-8)


def test_channel_regression_counts_channels_over_all_pieces(
    make_panel: Callable[..., Panel],
) -> None:
    panels, layout = [make_panel(kinds=("future",))], WindowLayout(5, 2)
    whole = ChannelRegression(one_piece(block_moments(panels, layout)))
    pieces = ChannelRegression(two_pieces(panels, layout))
    assert_same(pieces.solve(2.0), whole.solve(2.0), 1e-12)
    assert pieces.scale == pytest.approx(whole.scale)


@each_route
def test_constants_are_not_penalised(route: str) -> None:
    """A huge ridge leaves the mean target of each channel, and nothing else."""
    random = torch.Generator().manual_seed(0)
    x = torch.randn(80, 3, generator=random, dtype=torch.float64) + torch.tensor([1.0, 5.0, -9.0])
    layout = WindowLayout(4, 2)
    _, y, _ = design(Panel(x), layout)
    moments = one_piece(window_moments([Panel(x)], layout))
    found = GeneratedRegression(moments, torch.eye(3, dtype=torch.float64)).solve(1e12)
    torch.testing.assert_close(found.weight[..., -1], y.mean(dim=0), rtol=1e-6, atol=1e-6)
    assert found.weight[..., :-1].abs().max() < 1e-6


@pytest.mark.parametrize("norm", ["none", "last", "mean"])
@pytest.mark.parametrize("level", [1e2, 1e4])
def test_the_level_of_a_series_does_not_matter(
    level: float, norm: str, make_panel: Callable[..., Panel]
) -> None:
    layout, low = WindowLayout(6, 2, norm=norm), make_panel(100)
    high = Panel(low.target + level)
    shared = torch.ones(3, 1, dtype=torch.float64)
    regressions = [
        GeneratedRegression(one_piece(window_moments([panel], layout)), shared)
        for panel in (low, high)
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
    moments = one_piece(window_moments([Panel(target, past)], layout))
    mixing = torch.cat([random_mixing(), torch.zeros(3, 1, dtype=torch.float64)], dim=1)
    found = GeneratedRegression(moments, mixing)
    weights = found.solve(1e-3 * found.scale)
    assert torch.isfinite(weights.weight).all()
    # the gradient of the objective vanishes: nothing better is near
    best = found.objective(weights, 1e-3 * found.scale)
    for seed in range(5):
        random.manual_seed(seed)
        step = 1e-2 * torch.randn(weights.weight.shape, generator=random, dtype=torch.float64)
        moved = Weights(weights.weight + step, weights.future)
        assert found.objective(moved, 1e-3 * found.scale) >= best


@pytest.mark.parametrize("norm", ["none", "revin"])
def test_objective_is_the_squared_error_and_the_penalty(
    norm: str, make_panel: Callable[..., Panel]
) -> None:
    panel, layout = make_panel(kinds=("future", "past")), WindowLayout(5, 3, 1, norm)
    x, y, f = design(panel, layout)
    mixing = random_mixing()
    random = torch.Generator().manual_seed(1)
    weights = Weights(
        torch.randn(2, 3, x.shape[2], generator=random, dtype=torch.float64),
        torch.randn(2, 2, generator=random, dtype=torch.float64),
    )
    error = 0.0
    for c in range(3):
        own = sum(mixing[c, k] * weights.weight[k] for k in range(2))
        common = sum(mixing[c, k] * weights.future[k] for k in range(2))
        error += (y[:, c] - x[:, c] @ own.T - f[:, c] @ common).square().sum().item()
    moments = two_pieces([panel], layout)
    assert squared_error(moments, weights, mixing) == pytest.approx(error, rel=1e-10)
    penalty = weights.weight[..., :-1].square().sum() + weights.future.square().sum()
    solver = GeneratedRegression(moments, mixing)
    assert solver.objective(weights, 2.0) == pytest.approx(error + 2 * penalty.item(), rel=1e-10)
    pairs = block_moments([panel], layout).mixed(pair_weights(mixing))
    assert pairs_squared_error(pairs, weights) == pytest.approx(error, rel=1e-10)


class TestLearnedEmbeddings:
    @pytest.mark.parametrize("kinds", [(), ("future",)])
    def test_one_step_equals_least_squares_for_each_channel(
        self, kinds: tuple[str, ...], make_panel: Callable[..., Panel]
    ) -> None:
        panel, layout = make_panel(kinds=kinds), WindowLayout(5, 2)
        x, y, f = design(panel, layout)
        moments, mixing = two_pieces([panel], layout), random_mixing(n_mixed=3)
        weights = GeneratedRegression(moments, mixing).solve(1.0)
        found = solve_embedding(moments, weights, mixing)
        assert found.shape == (3, 2)
        for c in range(3):
            forecasts = torch.stack(
                [x[:, c] @ weights.weight[k].T + f[:, c] @ weights.future[k] for k in range(3)]
            ).flatten(1)  # (K, T·H)
            right = y[:, c].flatten() - forecasts[0]
            expected = torch.linalg.pinv(forecasts[1:].T) @ right
            torch.testing.assert_close(found[c], expected, rtol=1e-6, atol=1e-8)

    @pytest.mark.parametrize("kinds", [(), ("past", "future")])
    def test_alternating_never_increases_the_objective(
        self, kinds: tuple[str, ...], make_panel: Callable[..., Panel]
    ) -> None:
        panel = make_panel(100, 6, kinds=kinds)
        moments = one_piece(window_moments([panel], WindowLayout(8, 3)))
        mixing, ridge = random_mixing(6, 3), 2.0
        objectives = []
        for _ in range(6):
            solver = GeneratedRegression(moments, mixing)
            weights = solver.solve(ridge)
            objectives.append(solver.objective(weights, ridge))
            embedding = solve_embedding(moments, weights, mixing)
            mixing = torch.cat([mixing[:, :1], embedding], dim=1)
            objectives.append(GeneratedRegression(moments, mixing).objective(weights, ridge))
        falls = np.diff(objectives)
        assert (falls <= 1e-9 * objectives[0]).all()
        assert objectives[-1] < 0.99 * objectives[0]


class TestConjugateGradients:
    def test_equal_a_direct_solution(self) -> None:
        random = torch.Generator().manual_seed(0)
        root = torch.randn(20, 20, generator=random, dtype=torch.float64)
        matrix, right = root @ root.T + torch.eye(20), torch.randn(20, 3, dtype=torch.float64)
        found = conjugate_gradients(
            lambda x: matrix @ x, right, lambda r: r, torch.zeros_like(right)
        )
        torch.testing.assert_close(found, torch.linalg.inv(matrix) @ right, rtol=1e-6, atol=1e-8)

    def test_say_when_they_do_not_converge(self) -> None:
        matrix = torch.diag(torch.logspace(0, 12, 50, dtype=torch.float64))
        right = torch.ones(50, 1, dtype=torch.float64)
        with pytest.raises(RuntimeError, match="larger ridge"):
            conjugate_gradients(
                lambda x: matrix @ x, right, lambda r: r, torch.zeros_like(right), max_steps=20
            )

    def test_zero_is_solved_by_zero(self) -> None:
        right = torch.zeros(4, 2, dtype=torch.float64)
        found = conjugate_gradients(lambda x: 2 * x, right, lambda r: r, torch.ones_like(right))
        torch.testing.assert_close(found, right)

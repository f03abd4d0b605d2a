"""What channel vectors start from, against windows written out and known kinds."""

import pytest
import torch
from made_series import H, L, autoregressive, noise
from naive_windows import design

from hyperforecast.nn import correlation_embedding
from hyperforecast.nn.exact import (
    ExactOptions,
    ObservedSeries,
    Problem,
    SearchSpace,
    WindowLayout,
    solve_exact,
    window_moments,
)
from hyperforecast.nn.exact.embeddings.embedding_start import (
    EMBEDDING_STARTS,
    RIDGE,
    EmbeddingStarts,
    autocorrelations,
    own_weights,
    principal_vectors,
)

THREE_KINDS = torch.tensor([[0.6, 0.3], [1.5, -0.9], [-0.5, 0.4]])


def of_three_kinds(n_rows: int = 300, n_channels: int = 24, *, seed: int = 0) -> ObservedSeries:
    """Channels that move in one of three ways, each by itself."""
    return ObservedSeries(autoregressive(THREE_KINDS.repeat(n_channels // 3, 1), n_rows, seed=seed))


class TestPrincipalVectors:
    @pytest.mark.parametrize(("n", "width"), [(9, 5), (5, 9), (6, 6)])
    def test_equal_a_singular_value_decomposition(self, n: int, width: int) -> None:
        features = noise(n, width) * torch.linspace(1, 3, width, dtype=torch.float64)
        u, s, _ = torch.linalg.svd(features - features.mean(dim=0), full_matrices=False)
        expected = u[:, :3] * s[:3] / s[0] * n**0.5
        found = principal_vectors(features, 3)
        torch.testing.assert_close(found.abs(), expected.abs())
        torch.testing.assert_close(found[:, 0].square().mean().item(), 1.0)
        assert (found.gather(0, found.abs().argmax(dim=0, keepdim=True)) > 0).all()

    def test_columns_beyond_the_rank_are_zero(self) -> None:
        features = noise(6, 1) @ noise(1, 8)
        found = principal_vectors(features, 4)
        assert found.shape == (6, 4)
        assert (found[:, 1:] == 0).all()
        assert found[:, 0].any()
        assert (principal_vectors(torch.ones(5, 3, dtype=torch.float64), 2) == 0).all()
        assert principal_vectors(features, 0).shape == (6, 0)


def test_autocorrelations_equal_sums_over_rows() -> None:
    series = [noise(30, 3), noise(50, 3, seed=1) + 5.0]
    centred = [rows - rows.mean(dim=0) for rows in series]
    squares = sum(rows.square().sum(dim=0) for rows in centred)
    found = autocorrelations(series, 40)
    assert found.shape == (3, 40)
    for lag in (1, 2, 29, 30, 40):
        long = [rows for rows in centred if len(rows) > lag]
        products = sum((rows[lag:] * rows[:-lag]).sum(dim=0) for rows in long)
        torch.testing.assert_close(found[:, lag - 1], products / squares)


def test_a_constant_channel_has_no_autocorrelation() -> None:
    rows = torch.cat([noise(40, 1), torch.full((40, 1), 3.0)], dim=1)
    assert (autocorrelations([rows], 5)[1] == 0).all()


def test_distances_of_own_weights_are_those_of_their_forecasts() -> None:
    """Over the windows of all channels, their levels taken away."""
    series, layout = of_three_kinds(100, 6), WindowLayout(5, 2)
    x, y, _ = design(series, layout)
    x, y = x[..., :-1], y
    centred = x - x.mean(dim=0)
    weights = []
    for c in range(6):
        gram = centred[:, c].T @ centred[:, c]
        ridge = RIDGE * gram.diagonal().mean() * torch.eye(5)
        weights.append(torch.linalg.solve(gram + ridge, centred[:, c].T @ y[:, c]))
    windows = centred.flatten(0, 1)
    moments = window_moments([series], layout)
    found = own_weights(
        [
            (slice(0, 4), moments.channels(slice(0, 4))),
            (slice(4, 6), moments.channels(slice(4, 6))),
        ],
        6,
    )
    for a, b in ((0, 1), (0, 3), (2, 5)):
        expected = (windows @ (weights[a] - weights[b])).square().sum()
        torch.testing.assert_close((found[a] - found[b]).square().sum(), expected)


@pytest.mark.parametrize("start", EMBEDDING_STARTS)
def test_shorter_vectors_are_the_first_entries_of_longer_ones(start: str) -> None:
    series, layout = [of_three_kinds(), of_three_kinds(seed=9)], WindowLayout(L, H)
    short, long = (EmbeddingStarts(series, layout, dim)(start) for dim in (2, 5))
    assert long.shape == (24, 5)
    torch.testing.assert_close(long[:, :2], short)


def test_the_correlation_is_one_of_them() -> None:
    series = of_three_kinds()
    found = EmbeddingStarts([series], WindowLayout(L, H), 3)("correlation")
    torch.testing.assert_close(found, correlation_embedding([series.target], 3))


@pytest.mark.parametrize("start", ["weights", "autocorrelation"])
def test_channels_of_a_kind_lie_together(start: str) -> None:
    """Though they have nothing in common but how they move."""
    series = of_three_kinds(600)
    vectors = EmbeddingStarts([series], WindowLayout(L, H), 2)(start)
    kinds = vectors.unflatten(0, (-1, 3))  # (channels of a kind, kinds, 2)
    within = (kinds - kinds.mean(dim=0)).square().mean()
    between = (kinds.mean(dim=0) - vectors.mean(dim=0)).square().mean()
    assert within < 0.1 * between
    mixed = EmbeddingStarts([series], WindowLayout(L, H), 2)("correlation").unflatten(0, (-1, 3))
    assert (mixed - mixed.mean(dim=0)).square().mean() > mixed.mean(dim=0).square().mean()


class TestSelection:
    def test_vectors_from_the_dynamics_are_chosen_where_channels_move_alike(self) -> None:
        search = SearchSpace(embedding_dims=(0, 2, 4, 24), embedding_starts=tuple(EMBEDDING_STARTS))
        problem = Problem(L, H, search=search)
        solution = solve_exact(problem, [of_three_kinds()])
        assert solution.setting.embedding_dim == 2  # and the constant: three kinds
        assert solution.setting.embedding_start in ("weights", "autocorrelation")
        start = solution.setting.embedding_start
        series = solution.units.standardise(of_three_kinds())
        expected = EmbeddingStarts([series], WindowLayout(L, H), 2)(start)
        torch.testing.assert_close(solution.embedding, expected)

    def test_ties_go_to_the_first(self) -> None:
        """Two channels have one vector, whatever it is made of, up to its length."""
        search = SearchSpace(embedding_dims=(0, 1), embedding_starts=tuple(EMBEDDING_STARTS))
        series = ObservedSeries(noise(200, 1).repeat(1, 3))
        solution = solve_exact(Problem(L, H, search=search), [series])
        assert solution.setting.embedding_start == "correlation"

    def test_learned_rounds_are_reported_with_their_error(self) -> None:
        search = SearchSpace(embedding_dims=(0, 2))
        options = ExactOptions(embedding_steps=4, ridge=1e-2)
        series = of_three_kinds()
        learned = solve_exact(Problem(L, H, search=search), [series], options=options)
        still = solve_exact(
            Problem(L, H, search=search), [series], options=ExactOptions(ridge=1e-2)
        )
        (entry,) = [one for one in learned.compared if one.setting.n_rounds]
        assert entry.validation_mse < still.compared[-1].validation_mse
        assert learned.setting.embedding_dim == 2
        assert not torch.equal(learned.vectors, still.vectors)

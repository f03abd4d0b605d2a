"""Learned channel embeddings, against least squares for each channel."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from naive_windows import design
from regression_cases import one_chunk, random_mixing, two_chunks

from hyperforecast.nn.exact import GeneratedRegression, ObservedSeries, WindowLayout, window_moments
from hyperforecast.nn.exact.learned_embedding import solve_embedding


class TestLearnedEmbeddings:
    @pytest.mark.parametrize("kinds", [(), ("future",)])
    def test_one_step_equals_least_squares_for_each_channel(
        self, kinds: tuple[str, ...], make_series: Callable[..., ObservedSeries]
    ) -> None:
        series, layout = make_series(kinds=kinds), WindowLayout(5, 2)
        x, y, f = design(series, layout)
        moments, mixing = two_chunks([series], layout), random_mixing(n_bases=3)
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
        self, kinds: tuple[str, ...], make_series: Callable[..., ObservedSeries]
    ) -> None:
        series = make_series(100, 6, kinds=kinds)
        moments = one_chunk(window_moments([series], WindowLayout(8, 3)))
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

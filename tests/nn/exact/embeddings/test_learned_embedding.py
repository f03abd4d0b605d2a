"""Learned channel embeddings, against least squares for each channel."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from naive_windows import design
from regression_cases import one_chunk, random_mixing, two_chunks

from hyperforecast.nn.exact import GeneratedRegression, ObservedSeries, WindowLayout, window_moments
from hyperforecast.nn.exact.embeddings.learned_embedding import learn_embedding, solve_embedding


class TestLearnedEmbeddings:
    @pytest.mark.parametrize("kinds", [(), ("future",)])
    def test_one_step_equals_least_squares_for_each_channel(
        self, kinds: tuple[str, ...], make_series: Callable[..., ObservedSeries]
    ) -> None:
        series, layout = make_series(kinds=kinds), WindowLayout(5, 2)
        x, y, f = design(series, layout)
        moments, mixing = two_chunks([series], layout), random_mixing(n_bases=3)
        weights = GeneratedRegression(moments, mixing).solve(1e-2)
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
        mixing, ridge = random_mixing(6, 3), 0.01
        objectives = []
        first = GeneratedRegression(moments, mixing)
        for _ in range(6):
            solver = GeneratedRegression(moments, mixing)
            solver.units, solver.future_units = first.units, first.future_units
            weights = solver.solve(ridge)
            objectives.append(solver.objective(weights, ridge))
            embedding = solve_embedding(moments, weights, mixing)
            mixing = torch.cat([mixing[:, :1], embedding], dim=1)
            solver.mixing = mixing
            objectives.append(solver.objective(weights, ridge))
        falls = np.diff(objectives)
        assert (falls <= 1e-9 * objectives[0]).all()
        assert objectives[-1] < 0.99 * objectives[0]

    def test_columns_stay_as_long_as_they_were(
        self, make_series: Callable[..., ObservedSeries]
    ) -> None:
        """Whatever the number of rounds; their directions are those solved for."""
        moments = one_chunk(window_moments([make_series(100, 6)], WindowLayout(8, 3)))
        mixing = random_mixing(6, 3)
        length = mixing[:, 1:].norm(dim=0)
        for _ in range(10):
            weights = GeneratedRegression(moments, mixing).solve(1e-3)
            solved = solve_embedding(moments, weights, mixing)
            found = learn_embedding(moments, weights, mixing)
            torch.testing.assert_close(found.norm(dim=0), length)
            torch.testing.assert_close(found / found.norm(dim=0), solved / solved.norm(dim=0))
            mixing = torch.cat([mixing[:, :1], found], dim=1)

    def test_a_column_of_zeros_stays_one(self, make_series: Callable[..., ObservedSeries]) -> None:
        moments = one_chunk(window_moments([make_series()], WindowLayout(5, 2)))
        mixing = torch.cat([random_mixing(), torch.zeros(3, 1, dtype=torch.float64)], dim=1)
        weights = GeneratedRegression(moments, mixing).solve(1e-3)
        assert (learn_embedding(moments, weights, mixing)[:, 1] == 0).all()

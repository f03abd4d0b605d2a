"""The least of a quadratic form over the simplex."""

import itertools

import pytest
import torch
from made_series import noise
from torch import Tensor

from hyperforecast.nn.exact.uncertainty.simplex import simplex_minimum


def lowest_of_all_faces(square: Tensor, linear: Tensor) -> Tensor:
    """The minimum over every subset of the weights, by Lagrange's equations; the best inside."""
    n_weights, best = len(linear), (torch.inf, linear)
    for size in range(1, n_weights + 1):
        for face in itertools.combinations(range(n_weights), size):
            system = torch.ones(size + 1, size + 1).to(square)
            system[-1, -1] = 0.0
            system[:size, :size] = square[list(face)][:, list(face)]
            right = torch.cat([linear[list(face)], linear.new_ones(1)])
            weights = torch.zeros_like(linear)
            weights[list(face)] = (torch.linalg.inv(system) @ right)[:size]
            value = (weights @ square @ weights / 2 - linear @ weights).item()
            if weights.min() >= 0 and value < best[0]:
                best = (value, weights)
    return best[1]


@pytest.mark.parametrize("seed", range(12))
def test_is_the_lowest_of_all_faces(seed: int) -> None:
    rows = noise(9, 6, seed=seed)
    square, linear = rows.T @ rows, 3.0 * noise(6, seed=seed + 100)
    found = simplex_minimum(square, linear)
    torch.testing.assert_close(found, lowest_of_all_faces(square, linear), rtol=1e-9, atol=1e-10)


def test_one_weight_is_one() -> None:
    found = simplex_minimum(torch.full((1, 1), 5.0).double(), torch.zeros(1).double())
    assert found.tolist() == [1.0]

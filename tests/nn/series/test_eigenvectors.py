"""Leading eigenvectors, against all of them."""

import pytest
import torch

from hyperforecast.nn.series import eigenvectors
from hyperforecast.nn.series.eigenvectors import fix_signs, leading_eigenvectors


def covariance(n: int, n_sources: int, noise: float) -> torch.Tensor:
    x = noise * torch.randn(2 * n, n, dtype=torch.float64)
    x += torch.randn(2 * n, n_sources, dtype=torch.float64) @ torch.randn(n_sources, n).double()
    return x.T @ x / len(x)


@pytest.mark.parametrize("n", [7, 300])
@pytest.mark.parametrize(("n_sources", "noise"), [(3, 0.1), (40, 0.1), (1, 0.0), (1, 1.0)])
def test_are_the_largest_of_all(
    n: int, n_sources: int, noise: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eigenvectors, "MAX_DENSE", 100)
    matrix = covariance(n, n_sources, noise)
    values, vectors = leading_eigenvectors(matrix, 4)
    expected, _ = torch.linalg.eigh(matrix)
    torch.testing.assert_close(values, expected.flip(0)[:4], rtol=1e-10, atol=1e-10 * values[0])
    torch.testing.assert_close(vectors.T @ vectors, torch.eye(4).double(), rtol=0, atol=1e-9)
    torch.testing.assert_close(matrix @ vectors, vectors * values, rtol=0, atol=1e-9 * values[0])


def test_of_a_large_matrix_not_all_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eigenvectors, "MAX_DENSE", 100)
    sizes = []
    eigh = torch.linalg.eigh
    monkeypatch.setattr(torch.linalg, "eigh", lambda a: sizes.append(len(a)) or eigh(a))
    matrix = covariance(300, 5, 0.1)
    leading_eigenvectors(matrix, 4)
    assert max(sizes) <= 75
    sizes.clear()
    leading_eigenvectors(covariance(300, 1, 10.0), 4)  # too close to each other
    assert sizes[-1] == 300


def test_the_global_random_state_is_left_alone() -> None:
    before = torch.get_rng_state()
    leading_eigenvectors(torch.eye(1200, dtype=torch.float64), 2)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_largest_entry_is_made_positive() -> None:
    vectors = torch.tensor([[1.0, -1.0, 0.0], [-2.0, 0.5, 0.0]], dtype=torch.float64)
    expected = torch.tensor([[-1.0, 1.0, 0.0], [2.0, -0.5, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(fix_signs(vectors), expected, rtol=0, atol=0)
    assert fix_signs(vectors[:, :0]).shape == (2, 0)

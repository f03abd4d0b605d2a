"""Linear algebra, against dense solutions."""

import pytest
import torch

from hyperforecast.nn.exact.linear_algebra import conjugate_gradients


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

"""Operations are counted as they are called."""

import pytest
import torch

from benchmarks.solver.limits import ArithmeticCount

SQUARE = 3 * torch.eye(4, dtype=torch.float64).expand(5, 4, 4).contiguous()
WIDE = torch.ones(5, 4, 7, dtype=torch.float64)


@pytest.mark.parametrize(
    ("call", "operations"),
    [
        (lambda: SQUARE[0] @ WIDE[0], 2 * 4 * 4 * 7),
        (lambda: SQUARE @ WIDE, 5 * 2 * 4 * 4 * 7),
        (lambda: torch.einsum("nij,njk->nik", SQUARE, WIDE), 5 * 2 * 4 * 4 * 7),
        (lambda: torch.baddbmm(WIDE, SQUARE, WIDE), 5 * 2 * 4 * 4 * 7),
        (lambda: WIDE.clone().baddbmm_(SQUARE, WIDE), 5 * 2 * 4 * 4 * 7),
        (lambda: torch.linalg.cholesky(SQUARE), 5 * 4**3 / 3),
        (lambda: torch.linalg.solve_triangular(SQUARE, WIDE, upper=False), 5 * 4 * 4 * 7),
        (lambda: torch.cholesky_solve(WIDE, SQUARE), 5 * 2 * 4 * 4 * 7),
        (lambda: SQUARE + SQUARE, 0),
    ],
)
def test_operations_of_a_call(call, operations: float) -> None:
    with ArithmeticCount() as count:
        call()
        call()
    assert count.total == pytest.approx(2 * operations)

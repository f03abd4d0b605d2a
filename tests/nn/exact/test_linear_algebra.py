"""Linear algebra, against dense solutions."""

import pytest
import torch

from hyperforecast.nn.exact.linear_algebra import (
    block_matrix,
    conjugate_gradients,
    damped_cholesky,
    pseudo_solve,
    set_symmetric,
    solve_factorised,
    solve_with_least_eigenvalue,
)


def positive_definite(size: int = 6) -> torch.Tensor:
    random = torch.Generator().manual_seed(1)
    root = torch.randn(size, size, generator=random, dtype=torch.float64)
    return root @ root.T + torch.eye(size)


class TestDampedCholesky:
    def test_is_the_factor_of_the_damped_matrix(self) -> None:
        gram, damping = positive_definite(), torch.arange(6.0, dtype=torch.float64)
        before = gram.clone()
        factor, more = damped_cholesky(gram, damping)
        assert more == 0.0
        torch.testing.assert_close(factor @ factor.T, before + torch.diag(damping))
        torch.testing.assert_close(gram, before, rtol=0, atol=0)
        right = torch.ones(6, 2, dtype=torch.float64)
        expected = torch.linalg.inv(before + torch.diag(damping)) @ right
        torch.testing.assert_close(solve_factorised(factor, right), expected)

    @pytest.mark.parametrize("size", [1e-14, 1e-9, 1e-4, 1.0])
    def test_as_little_more_as_will_do_is_added_to_an_indefinite_matrix(self, size: float) -> None:
        gram = torch.diag(torch.tensor([1.0, -size], dtype=torch.float64))
        factor, more = damped_cholesky(gram, torch.zeros(2, dtype=torch.float64))
        added = (factor @ factor.T - gram).diagonal()
        torch.testing.assert_close(added, torch.full((2,), more, dtype=torch.float64))
        assert size < more < 10.1 * size
        assert gram[1, 1] == -size

    def test_zero_is_factorised(self) -> None:
        factor, more = damped_cholesky(torch.zeros(2, 2), torch.zeros(2))
        assert torch.isfinite(factor).all()
        assert 0 < more < 1e-30

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_what_is_not_finite_is_an_error(self, value: float) -> None:
        with pytest.raises(RuntimeError, match=f"must be finite; its largest entry is {value}"):
            damped_cholesky(torch.full((2, 2), value), torch.ones(2))


def test_no_eigenvalue_is_less_than_the_least() -> None:
    rotation, _ = torch.linalg.qr(positive_definite(3))
    right = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)

    def system(*values: float) -> torch.Tensor:
        return rotation @ torch.diag(torch.tensor(values, dtype=torch.float64)) @ rotation.T

    found = solve_with_least_eigenvalue(system(5.0, 1.0, -1e-9), right, 0.5)
    torch.testing.assert_close(found, torch.linalg.inv(system(5.0, 1.0, 0.5)) @ right)


def test_singular_systems_are_solved_by_the_shortest_solution() -> None:
    matrices = torch.stack([positive_definite(2), torch.ones(2, 2, dtype=torch.float64)])
    right = torch.tensor([[1.0, 2.0], [2.0, 4.0]], dtype=torch.float64)
    found = pseudo_solve(matrices, right)
    torch.testing.assert_close(found[0], torch.linalg.inv(matrices[0]) @ right[0])
    # ones @ x is nearest to [2, 4] where x sums to 3
    torch.testing.assert_close(found[1], torch.tensor([1.5, 1.5], dtype=torch.float64))


def test_a_block_is_set_with_its_mirror_image() -> None:
    matrices = torch.zeros(2, 3, 3)
    set_symmetric(matrices, slice(0, 2), slice(2, 3), torch.tensor([[[1.0], [2.0]]]))
    expected = torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, 2.0], [1.0, 2.0, 0.0]])
    torch.testing.assert_close(matrices, expected.expand(2, 3, 3))


def test_blocks_are_laid_out_by_their_numbers() -> None:
    blocks = torch.randn(3, 2, 2)
    number = torch.tensor([[0, 1], [1, 2]])
    expected = torch.cat(
        [torch.cat([blocks[0], blocks[1]], dim=1), torch.cat([blocks[1], blocks[2]], dim=1)]
    )
    torch.testing.assert_close(block_matrix(blocks, number), expected)


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

import pytest
import torch
from torch import Tensor

from hyperforecast.nn import DenseGenerator, OuterProduct

N, N_IN, N_OUT, R, E = 6, 5, 4, 2, 3


def make(rank: int = R, hidden: tuple[int, ...] = ()) -> OuterProduct:
    """A generator whose every parameter matters."""
    generator = OuterProduct(E, N_IN, N_OUT, rank, hidden=hidden).double()
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.normal_()
    return generator


def contexts() -> Tensor:
    return torch.randn(N, E, dtype=torch.float64)


@pytest.mark.parametrize("hidden", [(), (7, 2)])
def test_generate_is_a_product_of_two_sums(hidden: tuple[int, ...]) -> None:
    generator, c = make(hidden=hidden), contexts()
    weight, bias = generator.generate(c)
    for n in range(N):
        u = generator.trunk(c[n])
        left = sum(u[k] * generator.left[k] for k in range(len(u)))
        right = generator.right[0] + sum(u[k] * generator.right[1 + k] for k in range(len(u)))
        offset = sum(u[k] * generator.bias_bases[k] for k in range(len(u)))
        torch.testing.assert_close(weight[n], left @ right.T, rtol=0, atol=1e-12)
        torch.testing.assert_close(bias[n], offset, rtol=0, atol=1e-12)
        assert torch.linalg.matrix_rank(weight[n]) == R


def test_full_rank_is_dense() -> None:
    dense = DenseGenerator(E, 4, 5).double()
    generator = OuterProduct(E, 4, 5, 4).double()
    with torch.no_grad():
        dense.bias_bases.normal_()
        generator.right.zero_()
        generator.right[0] = torch.eye(4)
        generator.left.copy_(dense.weight_bases)
        generator.bias_bases.copy_(dense.bias_bases)
    c = contexts()
    for one, other in zip(generator.generate(c), dense.generate(c), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_starts_at_zero_with_a_gradient() -> None:
    generator = OuterProduct(E, N_IN, N_OUT, R)
    weight, bias = generator.generate(torch.randn(N, E))
    assert (weight == 0).all()
    assert (bias == 0).all()
    weight.sum().backward()
    assert (generator.left.grad != 0).all()


def test_cost_by_hand() -> None:
    cost = make().cost()
    assert cost.generate == R * N_IN * N_OUT
    assert cost.contract == R * N_IN + R * N_OUT
    assert cost.held == R + N_OUT


@pytest.mark.parametrize("rank", [0, 5])
def test_a_rank_that_makes_no_difference_is_refused(rank: int) -> None:
    with pytest.raises(ValueError, match=f"between 1 and 4.*got {rank}. Choose rank <= 4"):
        make(rank=rank)

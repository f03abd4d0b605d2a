import pytest
import torch
from torch import Tensor

from hyperforecast.nn import LowRankPool

N, N_IN, N_OUT, R, K = 6, 5, 4, 2, 3


def make() -> LowRankPool:
    """A pool whose every parameter matters."""
    pool = LowRankPool(K, N_IN, N_OUT, R).double()
    with torch.no_grad():
        for parameter in pool.parameters():
            parameter.normal_()
    return pool


def contexts() -> Tensor:
    return torch.randn(N, K, dtype=torch.float64)


def test_generate_is_a_sum_over_components() -> None:
    pool, gates = make(), contexts()
    weight, bias = pool.generate(gates)
    for n in range(N):
        expected = sum(gates[n, k] * pool.left[k] @ pool.right for k in range(K)).T
        offset = sum(gates[n, k] * pool.bias[k] for k in range(K))
        torch.testing.assert_close(weight[n], expected, rtol=0, atol=1e-12)
        torch.testing.assert_close(bias[n], offset, rtol=0, atol=1e-12)


def test_starts_at_zero_with_a_gradient() -> None:
    pool = LowRankPool(K, N_IN, N_OUT, R)
    weight, bias = pool.generate(torch.randn(N, K))
    assert (weight == 0).all()
    assert (bias == 0).all()
    weight.sum().backward()
    assert (pool.right.grad != 0).all()


def test_start_of_the_left_factor() -> None:
    deviation = LowRankPool(20, 25, 4, 20).left.std().item()
    assert deviation == pytest.approx(0.2, rel=0.05)


def test_cost_by_hand() -> None:
    cost = make().cost()
    assert cost.generate == R * N_IN * N_OUT
    assert cost.contract == R * N_IN + R * N_OUT
    assert cost.held == R + N_OUT

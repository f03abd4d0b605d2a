import pytest
import torch
from torch import Tensor, nn

from hyperforecast.nn import LowRankPool, channel_linear

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


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("length", [N, 1])
def test_contract_equals_generate_along_any_axis(axis: int, length: int) -> None:
    generator, context = make(), contexts()
    shape = [2, 3, 8]
    shape[axis] = length
    x = torch.randn(*shape, N_IN, dtype=torch.float64)
    weight, bias = generator.generate(context)
    expected = torch.stack(
        [
            nn.functional.linear(
                x.select(axis, min(n, length - 1)), weight[n], None if bias is None else bias[n]
            )
            for n in range(N)
        ],
        dim=axis,
    )
    torch.testing.assert_close(generator.contract(context, x, axis), expected, rtol=0, atol=1e-12)


def test_contract_has_the_same_gradients() -> None:
    generator, context = make(), contexts()
    x = torch.randn(8, N, N_IN, dtype=torch.float64)
    target = torch.randn(8, N, N_OUT, dtype=torch.float64)
    parameters = list(generator.parameters())
    contracted = generator.contract(context, x, 1)
    generated = channel_linear(x, *generator.generate(context))
    one, two = (
        torch.autograd.grad((y - target).square().sum(), parameters)
        for y in (contracted, generated)
    )
    for a, b in zip(one, two, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


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

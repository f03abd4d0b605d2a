import pytest
import torch
from torch import Tensor, nn

from hyperforecast.nn import FreeWeights, channel_linear

N, N_IN, N_OUT = 6, 5, 4


def make() -> FreeWeights:
    """Weights that are no longer zero."""
    free = FreeWeights(N, N_IN, N_OUT).double()
    with torch.no_grad():
        for parameter in free.parameters():
            parameter.normal_()
    return free


def contexts() -> Tensor:
    return torch.arange(N)


def test_generate_picks_weights_by_number() -> None:
    free = make()
    weight, bias = free.generate(contexts())
    assert torch.equal(weight, free.weight)
    assert torch.equal(bias, free.bias)
    weight, bias = free.generate(torch.tensor([4, 1]))
    assert torch.equal(weight, free.weight[[4, 1]])
    assert torch.equal(bias, free.bias[[4, 1]])


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


def test_starts_at_zero() -> None:
    weight, bias = FreeWeights(N, N_IN, N_OUT).generate(contexts())
    assert (weight == 0).all()
    assert (bias == 0).all()


def test_nothing_is_generated_and_nothing_saved_by_contracting() -> None:
    cost = make().cost()
    assert cost.generate == 0
    assert cost.contract == N_IN * N_OUT
    assert cost.held == N_IN * N_OUT

"""What holds for every generator: the two ways of applying its weights are one."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from hyperforecast.nn import (
    DenseGenerator,
    FreeWeights,
    Generator,
    LoRAExperts,
    LowRankPool,
    OuterProduct,
    channel_linear,
    generators,
)

N, N_IN, N_OUT, E = 6, 5, 4, 3
GENERATORS: dict[str, Callable[[], Generator]] = {
    "dense": lambda: DenseGenerator(E, N_IN, N_OUT),
    "dense without biases": lambda: DenseGenerator(E, N_IN, N_OUT, bias=False),
    "dense with hidden layers": lambda: DenseGenerator(E, N_IN, N_OUT, hidden=(7, 2)),
    "pool": lambda: LowRankPool(E, N_IN, N_OUT, 2),
    "lora": lambda: LoRAExperts(E, N_IN, N_OUT, 2, scaling=0.5),
    "outer product": lambda: OuterProduct(E, N_IN, N_OUT, 2),
    "outer product without biases": lambda: OuterProduct(E, N_IN, N_OUT, 3, bias=False),
    "outer product with hidden layers": lambda: OuterProduct(E, N_IN, N_OUT, 1, hidden=(7, 2)),
    "free": lambda: FreeWeights(N, N_IN, N_OUT),
}
each_generator = pytest.mark.parametrize("name", GENERATORS)


def make(name: str) -> tuple[Generator, Tensor]:
    """Return a generator whose every parameter matters, and a context for each of N maps."""
    generator = GENERATORS[name]().double()
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.normal_()
    return generator, torch.arange(N) if name == "free" else torch.randn(N, E, dtype=torch.float64)


def test_every_generator_is_here() -> None:
    classes = (getattr(generators, name) for name in generators.__all__)
    expected = {cls for cls in classes if issubclass(cls, Generator) and cls is not Generator}
    assert {type(make()) for make in GENERATORS.values()} == expected


@each_generator
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("length", [N, 1])
def test_contract_equals_generate_along_any_axis(name: str, axis: int, length: int) -> None:
    generator, context = make(name)
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


@each_generator
def test_contract_has_the_same_gradients(name: str) -> None:
    generator, context = make(name)
    x = torch.randn(8, N, N_IN, dtype=torch.float64)
    target = torch.randn(8, N, N_OUT, dtype=torch.float64)
    parameters = list(generator.parameters())
    one, two = (
        torch.autograd.grad((y - target).square().sum(), parameters)
        for y in (
            generator.contract(context, x, 1),
            channel_linear(x, *generator.generate(context)),
        )
    )
    for a, b in zip(one, two, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@each_generator
def test_adding_to_a_shared_weight(name: str) -> None:
    generator, context = make(name)
    shared = torch.randn(N_OUT, N_IN, dtype=torch.float64)
    weight, bias = generator.generate(context)
    summed, same_bias = generator.add_to(shared, context)
    torch.testing.assert_close(summed, shared + weight, rtol=0, atol=1e-12)
    torch.testing.assert_close(same_bias, bias, rtol=0, atol=1e-12)

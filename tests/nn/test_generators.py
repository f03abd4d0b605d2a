import pytest
import torch
from torch import Tensor, nn

from hyperforecast.nn import DenseGenerator, channel_linear
from hyperforecast.nn.generators import uniform_fan_in


def make(
    hidden: tuple[int, ...] = (), *, bias: bool = True, context_dim: int = 3
) -> DenseGenerator:
    """A generator whose every parameter matters."""
    generator = DenseGenerator(context_dim, 5, 4, hidden=hidden, bias=bias).double()
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.normal_()
    return generator


def naive(generator: DenseGenerator, z: Tensor) -> tuple[Tensor, Tensor | None]:
    """One channel's weights, term by term."""
    u = z
    for layer in generator.trunk:
        u = layer(u)
    weight = generator.weight.clone()
    bias = None if generator.bias is None else generator.bias.clone()
    for k in range(len(u)):
        weight = weight + u[k] * generator.weight_bases[k]
        if bias is not None and generator.bias_bases is not None:
            bias = bias + u[k] * generator.bias_bases[k]
    return weight, bias


@pytest.mark.parametrize("hidden", [(), (7,), (7, 2)])
@pytest.mark.parametrize("bias", [True, False])
def test_forward_equals_a_loop_over_channels(hidden: tuple[int, ...], bias: bool) -> None:
    generator = make(hidden, bias=bias)
    context = torch.randn(6, 3, dtype=torch.float64)
    weight, offset = generator(context)
    assert weight.shape == (6, 4, 5)
    for n in range(6):
        expected_weight, expected_bias = naive(generator, context[n])
        torch.testing.assert_close(weight[n], expected_weight, rtol=0, atol=1e-12)
        if bias:
            torch.testing.assert_close(offset[n], expected_bias, rtol=0, atol=1e-12)
    assert bias or offset is None


@pytest.mark.parametrize("hidden", [(), (7,)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("extra", [(), (2,), (2, 3)])
def test_contract_equals_materialise(hidden: tuple, bias: bool, extra: tuple) -> None:
    generator = make(hidden, bias=bias)
    context = torch.randn(6, 3, dtype=torch.float64)
    x = torch.randn(8, 6, *extra, 5, dtype=torch.float64)
    contracted = generator.contract(context, x)
    assert contracted.shape == (8, 6, *extra, 4)
    materialised = channel_linear(x, *generator(context))
    torch.testing.assert_close(contracted, materialised, rtol=0, atol=1e-12)


def test_contract_has_the_same_gradients() -> None:
    generator = make((7,))
    context = torch.randn(6, 3, dtype=torch.float64)
    x = torch.randn(8, 6, 5, dtype=torch.float64)
    target = torch.randn(8, 6, 4, dtype=torch.float64)
    parameters = list(generator.parameters())
    one = torch.autograd.grad(((generator.contract(context, x) - target) ** 2).sum(), parameters)
    two = torch.autograd.grad(
        ((channel_linear(x, *generator(context)) - target) ** 2).sum(), parameters
    )
    for a, b in zip(one, two, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_no_context_is_one_linear_layer_for_all() -> None:
    generator = make(context_dim=0)
    context = torch.empty(6, 0, dtype=torch.float64)
    weight, bias = generator(context)
    x = torch.randn(8, 6, 5, dtype=torch.float64)
    expected = nn.functional.linear(x, generator.weight, generator.bias)
    torch.testing.assert_close(channel_linear(x, weight, bias), expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(generator.contract(context, x), expected, rtol=0, atol=1e-12)


def test_one_hot_contexts_are_free_weights() -> None:
    generator = make(context_dim=6)
    free_weight = torch.randn(6, 4, 5, dtype=torch.float64)
    free_bias = torch.randn(6, 4, dtype=torch.float64)
    with torch.no_grad():
        generator.weight_bases.copy_(free_weight - generator.weight)
        generator.bias_bases.copy_(free_bias - generator.bias)
    weight, bias = generator(torch.eye(6, dtype=torch.float64))
    torch.testing.assert_close(weight, free_weight, rtol=0, atol=1e-12)
    torch.testing.assert_close(bias, free_bias, rtol=0, atol=1e-12)


def test_starts_close_to_an_ordinary_layer() -> None:
    generator = DenseGenerator(2, 100, 50)
    assert generator.weight.abs().max() <= 0.1
    assert generator.weight.abs().max() > 0.099
    assert generator.weight_bases.abs().max() <= 0.0102
    assert (generator.weight_bases.std(dim=(1, 2)) > 0.005).all()
    torch.testing.assert_close(generator.weight_bases.mean(dim=(1, 2)), torch.zeros(2))
    assert (generator.bias_bases == 0).all()


def test_the_given_start_is_used() -> None:
    generator = DenseGenerator(2, 3, 4, initialise=nn.init.zeros_)
    assert (generator.weight == 0).all()
    assert (generator.weight_bases == 0).all()


def test_uniform_fan_in_is_torch_s_start_of_a_linear_layer() -> None:
    torch.manual_seed(3)
    layer = nn.Linear(16, 4)
    torch.manual_seed(3)
    weight = torch.empty(4, 16)
    uniform_fan_in(16)(weight)
    torch.testing.assert_close(weight, layer.weight.detach())


@pytest.mark.parametrize(
    ("hidden", "expected"),
    [
        ((), (1 + 3) * (4 * 5 + 4)),
        ((7,), (3 * 7 + 7) + (1 + 7) * (4 * 5 + 4)),
        ((7, 2), (3 * 7 + 7) + (7 * 2 + 2) + (1 + 2) * (4 * 5 + 4)),
    ],
)
def test_parameter_count(hidden: tuple[int, ...], expected: int) -> None:
    assert sum(p.numel() for p in DenseGenerator(3, 5, 4, hidden=hidden).parameters()) == expected

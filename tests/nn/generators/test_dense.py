import pytest
import torch
from torch import Tensor, nn

from hyperforecast.nn import DenseGenerator, channel_linear
from hyperforecast.nn.stacked_linear import linear_along


def make(
    hidden: tuple[int, ...] = (), *, bias: bool = True, context_dim: int = 3
) -> DenseGenerator:
    """A generator whose every parameter matters."""
    generator = DenseGenerator(context_dim, 5, 4, hidden=hidden, bias=bias).double()
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.normal_()
    return generator


def naive(
    generator: DenseGenerator, z: Tensor, weight: Tensor | None = None
) -> tuple[Tensor, Tensor | None]:
    """One channel's weights, term by term, beside a weight that all share."""
    u = z
    for layer in generator.trunk:
        u = layer(u)
    weight = torch.zeros_like(generator.weight_bases[0]) if weight is None else weight.clone()
    bias = None if generator.bias_bases is None else torch.zeros_like(generator.bias_bases[0])
    for k in range(len(u)):
        weight = weight + u[k] * generator.weight_bases[k]
        if bias is not None:
            bias = bias + u[k] * generator.bias_bases[k]
    return weight, bias


@pytest.mark.parametrize("hidden", [(), (7,), (7, 2)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shared", [True, False])
def test_generate_equals_a_loop_over_channels(
    hidden: tuple[int, ...], bias: bool, shared: bool
) -> None:
    generator = make(hidden, bias=bias)
    context = torch.randn(6, 3, dtype=torch.float64)
    base = torch.randn(4, 5, dtype=torch.float64) if shared else None
    weight, offset = generator.add_to(base, context) if shared else generator.generate(context)
    assert weight.shape == (6, 4, 5)
    for n in range(6):
        expected_weight, expected_bias = naive(generator, context[n], base)
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
    contracted = generator.contract(context, x, 1)
    assert contracted.shape == (8, 6, *extra, 4)
    materialised = channel_linear(x, *generator.generate(context))
    torch.testing.assert_close(contracted, materialised, rtol=0, atol=1e-12)


def test_no_context_is_one_linear_layer_for_all() -> None:
    generator = make(context_dim=0)
    context = torch.empty(6, 0, dtype=torch.float64)
    shared = torch.randn(4, 5, dtype=torch.float64)
    weight, bias = generator.add_to(shared, context)
    x = torch.randn(8, 6, 5, dtype=torch.float64)
    expected = nn.functional.linear(x, shared)
    torch.testing.assert_close(channel_linear(x, weight, bias), expected, rtol=0, atol=1e-12)
    assert (generator.contract(context, x, 1) == 0).all()


def test_one_hot_contexts_are_free_weights() -> None:
    generator = make(context_dim=6)
    shared = torch.randn(4, 5, dtype=torch.float64)
    free_weight = torch.randn(6, 4, 5, dtype=torch.float64)
    free_bias = torch.randn(6, 4, dtype=torch.float64)
    with torch.no_grad():
        generator.weight_bases.copy_(free_weight - shared)
        generator.bias_bases.copy_(free_bias)
    weight, bias = generator.add_to(shared, torch.eye(6, dtype=torch.float64))
    torch.testing.assert_close(weight, free_weight, rtol=0, atol=1e-12)
    torch.testing.assert_close(bias, free_bias, rtol=0, atol=1e-12)


def test_starts_close_to_an_ordinary_layer() -> None:
    generator = DenseGenerator(2, 100, 50)
    assert generator.weight_bases.abs().max() <= 0.0102
    assert (generator.weight_bases.std(dim=(1, 2)) > 0.005).all()
    torch.testing.assert_close(generator.weight_bases.mean(dim=(1, 2)), torch.zeros(2))
    assert (generator.bias_bases == 0).all()


def test_the_given_start_is_used() -> None:
    generator = DenseGenerator(2, 3, 4, initialise=nn.init.zeros_)
    assert (generator.weight_bases == 0).all()


@pytest.mark.parametrize(
    ("hidden", "expected"),
    [
        ((), 3 * (4 * 5 + 4)),
        ((7,), (3 * 7 + 7) + 7 * (4 * 5 + 4)),
        ((7, 2), (3 * 7 + 7) + (7 * 2 + 2) + 2 * (4 * 5 + 4)),
    ],
)
def test_parameter_count(hidden: tuple[int, ...], expected: int) -> None:
    assert sum(p.numel() for p in DenseGenerator(3, 5, 4, hidden=hidden).parameters()) == expected


@pytest.mark.parametrize(("hidden", "n_bases"), [((), 3), ((7, 2), 2)])
def test_cost_by_hand(hidden: tuple[int, ...], n_bases: int) -> None:
    cost = make(hidden).cost()
    assert cost.generate == n_bases * 4 * 5
    # each basis is applied to the input, and what it gives is weighed
    assert cost.contract == n_bases * 4 * 5 + n_bases * 4
    # what the bases give, and their sum
    assert cost.held == n_bases * 4 + 4


def test_a_shared_weight_and_its_gradient_are_those_of_a_sum() -> None:
    generator = make()
    context = torch.randn(6, 3, dtype=torch.float64)
    shared = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
    x = torch.randn(8, 6, 5, dtype=torch.float64)
    weight, _ = generator.add_to(shared, context)
    added, _ = generator.generate(context)
    for w in (weight, shared + added):
        gradient = torch.autograd.grad(linear_along(x, w, None, ("channel",), 0).sum(), shared)[0]
        torch.testing.assert_close(gradient, x.sum(dim=(0, 1)).expand(4, 5), rtol=0, atol=1e-12)

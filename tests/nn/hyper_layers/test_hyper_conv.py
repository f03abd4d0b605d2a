"""Generated kernels against a loop over slices and blocks."""

import pytest
import torch
from torch import Tensor

from hyperforecast.nn import CausalConv, HyperConv, KernelGenerator, LayerEmbedding, Term, fold

E, D, K, HIDDEN = 2, 6, 3, 5


def make(width: int = D) -> HyperConv:
    layer = HyperConv(CausalConv(D, D, K, 2), 3)
    context = LayerEmbedding((D // width) ** 2, E)
    layer.add("part", Term(context, KernelGenerator(E, width, width, K, HIDDEN)))
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_()
    return layer.double()


def naive(layer: HyperConv, width: int) -> Tensor:
    """Equation 2 of the paper, one slice after the other, block by block."""
    term = layer.terms["part"]
    generator, vectors = term.generator, list(term.context.weight)
    kernel = torch.empty(D, D, K, dtype=torch.float64)
    for row in range(D // width):
        for column in range(D // width):
            z = vectors.pop(0)
            for i in range(width):
                a = generator.first_weight[i] @ z + generator.first_bias[i]
                piece = generator.second_weight @ a + generator.second_bias
                place = slice(row * width, (row + 1) * width)
                kernel[place, column * width + i] = piece.view(width, K)
    return kernel


@pytest.mark.parametrize("width", [6, 3, 2, 1])
def test_generated_kernels_equal_a_loop_over_slices(width: int) -> None:
    layer = make(width)
    weight, bias = layer.generate()
    torch.testing.assert_close(weight, naive(layer, width), rtol=0, atol=1e-12)
    assert bias is layer.bias


def test_applies_what_it_generates_and_folds_to_a_plain_convolution() -> None:
    layer = make(3).eval()
    x = torch.randn(4, D, 10, dtype=torch.float64)
    plain = CausalConv(D, D, K, 2).double()
    with torch.no_grad():
        plain.weight.copy_(naive(layer, 3))
        plain.bias.copy_(layer.bias)
        folded = fold(layer)
        assert type(folded) is CausalConv
        for one in (layer, folded):
            torch.testing.assert_close(one(x), plain(x), rtol=0, atol=1e-12)


def test_kernels_start_with_the_deviation_of_an_ordinary_layer() -> None:
    torch.manual_seed(0)
    layer = HyperConv(CausalConv(64, 64, 3), 3)
    generator = KernelGenerator(4, 64, 64, 3, 64)
    for i in range(100):
        layer.add(f"{i}", Term(LayerEmbedding(1, 4), generator))
    kernels = [term.generator.generate(term.context())[0] for term in layer.terms.values()]
    ordinary = CausalConv(64, 64, 3).weight.std().item()
    assert torch.stack(kernels).std().item() == pytest.approx(ordinary, rel=0.1)

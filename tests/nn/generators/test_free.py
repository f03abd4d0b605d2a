import torch
from torch import Tensor

from hyperforecast.nn import FreeWeights

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


def test_starts_at_zero() -> None:
    weight, bias = FreeWeights(N, N_IN, N_OUT).generate(contexts())
    assert (weight == 0).all()
    assert (bias == 0).all()


def test_nothing_is_generated_and_nothing_saved_by_contracting() -> None:
    cost = make().cost()
    assert cost.generate == 0
    assert cost.contract == N_IN * N_OUT
    assert cost.held == N_IN * N_OUT

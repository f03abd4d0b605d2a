import torch
from torch import Tensor

from hyperforecast.nn import LoRAExperts

N, N_IN, N_OUT, R, P = 6, 5, 4, 2, 3


def make() -> LoRAExperts:
    """Experts whose every parameter matters."""
    experts = LoRAExperts(P, N_IN, N_OUT, R, scaling=0.5).double()
    with torch.no_grad():
        for parameter in experts.parameters():
            parameter.normal_()
    return experts


def contexts() -> Tensor:
    return torch.randn(N, P, dtype=torch.float64)


def test_generate_is_a_sum_over_experts() -> None:
    experts, shares = make(), contexts()
    weight, bias = experts.generate(shares)
    assert bias is None
    for n in range(N):
        expected = sum(0.5 * shares[n, p] * experts.up[p] @ experts.down[p] for p in range(P))
        torch.testing.assert_close(weight[n], expected, rtol=0, atol=1e-12)


def test_starts_at_zero_with_a_gradient() -> None:
    experts = LoRAExperts(P, N_IN, N_OUT, R)
    weight, _ = experts.generate(torch.ones(N, P))
    assert (weight == 0).all()
    weight.sum().backward()
    assert (experts.up.grad != 0).all()


def test_the_factors_start_as_a_linear_layer() -> None:
    down = LoRAExperts(10, 25, 4, 20).down
    assert down.abs().max() <= 0.2
    assert down.abs().max() > 0.199


def test_cost_by_hand() -> None:
    cost = make().cost()
    assert cost.generate == P * R * N_IN * N_OUT
    assert cost.contract == P * R * N_IN + P * R * N_OUT
    assert cost.held == P * R + N_OUT

"""Products with mixed matrices, against the matrices themselves."""

import pytest
import torch
from torch import Tensor

from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.hyper_layers.hyper_linear import HyperLinear
from hyperforecast.nn.layers import mixed_linear as module
from hyperforecast.nn.layers.mixed_linear import mixed_linear

N, B, N_IN, N_OUT, K = 3, 4, 5, 7, 2


def inputs() -> tuple[Tensor, ...]:
    torch.manual_seed(0)
    shapes = ((N, B, N_IN), (N, K), (N_OUT, N_IN), (K, N_OUT, N_IN), (N, N_OUT))
    return tuple(torch.randn(*s, dtype=torch.float64, requires_grad=True) for s in shapes)


@pytest.fixture(autouse=True, params=[1, 3, 100])
def rows_at_a_time(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MIN_OUTPUTS", request.param)
    monkeypatch.setattr(module, "MAX_HELD", 0)


def test_every_entry_has_the_product_of_its_own_mixture() -> None:
    x, mixing, weight, bases, bias = inputs()
    y = mixed_linear(x, mixing, weight, bases, bias)
    for n in range(N):
        mixture = weight + mixing[n, 0] * bases[0] + mixing[n, 1] * bases[1]
        torch.testing.assert_close(y[n], x[n] @ mixture.T + bias[n])


@pytest.mark.parametrize("of_x", [True, False])
def test_gradients_are_those_of_the_product(of_x: bool) -> None:
    given = inputs()
    given[0].requires_grad_(of_x)
    assert torch.autograd.gradcheck(mixed_linear, given)


@pytest.mark.parametrize("backbone", ["dlinear", "rmlp"])
def test_training_is_that_with_generated_weights(
    backbone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    options = {"parts": {"hn-mvts": {"channel_embedding_dim": 2, "hyper_hidden": [3]}}}
    network = ForecastingNetwork(
        lookback=8, horizon=N_OUT, n_channels=N, backbone=backbone, **options
    ).double()
    x = torch.randn(B, 8, N, dtype=torch.float64)
    assert network.head.multiplies_in_pieces(torch.randn(B, N, N_IN))

    def gradients() -> list[Tensor]:
        network.zero_grad()
        network.train()(x).square().sum().backward()
        return [one.grad.clone() for one in network.parameters() if one.grad is not None]

    found = gradients()
    torch.testing.assert_close(network(x), network.eval()(x))
    monkeypatch.setattr(HyperLinear, "multiplies_in_pieces", lambda *_: False)
    for one, expected in zip(found, gradients(), strict=True):
        torch.testing.assert_close(one, expected)


def test_half_precision_has_the_other_way() -> None:
    network = ForecastingNetwork(lookback=8, horizon=N_OUT, n_channels=N, parts={"hn-mvts": {}})
    x = torch.randn(B, N, N_IN)
    with torch.autocast("cpu", torch.bfloat16):
        assert not network.head.multiplies_in_pieces(x)
        network(torch.randn(B, 8, N)).float().square().sum().backward()
    with torch.no_grad():
        assert not network.head.multiplies_in_pieces(x)
    assert not network.eval().head.multiplies_in_pieces(x)

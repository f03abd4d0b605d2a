import pytest
import torch
from torch import nn

from hyperforecast.nn.layers.dropout import Dropout, dropout


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_drops_with_probability_p_and_keeps_the_mean(p, dtype):
    torch.manual_seed(0)
    y = dropout(torch.ones(1001, 999, dtype=dtype), p, active=True)
    assert y.dtype == dtype
    torch.testing.assert_close(y[y != 0], torch.full_like(y[y != 0], 1 / (1 - p)))
    # five standard deviations of a share of a million
    deviation = (p * (1 - p) / y.numel()) ** 0.5
    assert (y == 0).double().mean().item() == pytest.approx(p, abs=5 * deviation)


def test_neighbours_are_dropped_independently():
    torch.manual_seed(0)
    dropped = (dropout(torch.ones(400_000), 0.3, active=True) == 0).double().view(-1, 4)
    # the four values that one random number decides on
    covariance = torch.cov(dropped.T)
    torch.testing.assert_close(covariance, 0.21 * torch.eye(4).double(), atol=5e-3, rtol=0)


def test_gradient_is_that_of_the_kept_values():
    x = torch.randn(7, 5, dtype=torch.float64, requires_grad=True)
    y = dropout(x, 0.4, active=True)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(gradient * x, y)


def test_limits():
    x = torch.randn(3, 5)
    assert dropout(x, 0.4, active=False) is x
    assert torch.equal(dropout(x, 0.0, active=True), x)
    assert torch.equal(dropout(x, 1.0, active=True), torch.zeros(3, 5))
    assert dropout(torch.empty(0, 3), 0.5, active=True).shape == (0, 3)


def test_same_seed_same_draw():
    torch.manual_seed(3)
    first = dropout(torch.ones(50), 0.5, active=True)
    torch.manual_seed(3)
    assert torch.equal(dropout(torch.ones(50), 0.5, active=True), first)


def test_layer_drops_in_training_only():
    layer = Dropout(0.5)
    assert isinstance(layer, nn.Dropout)
    x = torch.ones(100)
    assert (layer.train()(x) == 0).any()
    assert torch.equal(layer.eval()(x), x)

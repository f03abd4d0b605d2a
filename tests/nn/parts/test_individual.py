import pytest
import torch
from torch import nn

from hyperforecast.nn import BACKBONES, ChannelLinear, ForecastingNetwork

L, H, C = 12, 4, 5


def make(individual: bool, **kwargs: object) -> ForecastingNetwork:
    torch.manual_seed(0)
    return ForecastingNetwork(
        lookback=L,
        horizon=H,
        n_channels=C,
        parts={"individual": None} if individual else None,
        **kwargs,
    )


def test_one_head_for_all() -> None:
    network = make(False, n_past_covariates=1)
    assert type(network.head) is nn.Linear
    assert type(network.past_covariate_map) is nn.Linear
    assert network.past_covariate_map.bias is None


def test_one_head_each_that_starts_at_the_shared_one() -> None:
    shared, network = (
        make(individual, backbone="nlinear", n_past_covariates=1) for individual in (False, True)
    )
    assert type(network.head) is ChannelLinear
    assert torch.equal(network.head.weight, shared.head.weight.expand(C, H, L))
    assert torch.equal(network.head.bias, shared.head.bias.expand(C, H))
    assert type(network.past_covariate_map) is ChannelLinear
    assert network.past_covariate_map.bias is None


@pytest.mark.parametrize("backbone", BACKBONES)
def test_starts_as_the_plain_backbone(backbone: str) -> None:
    shared, network = (
        make(individual, backbone=backbone).double().eval() for individual in (False, True)
    )
    x = torch.randn(6, L, C, dtype=torch.float64)
    torch.testing.assert_close(network(x), shared(x), rtol=0, atol=1e-12)


def test_channels_are_trained_apart() -> None:
    network = make(True, backbone="nlinear")
    network(torch.randn(6, L, C))[:, :, 2].sum().backward()
    assert (network.head.weight.grad[2] != 0).any()
    assert (network.head.weight.grad[[0, 1, 3, 4]] == 0).all()

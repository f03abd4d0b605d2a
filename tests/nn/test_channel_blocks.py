"""Training thousands of channels some after others is training all at once."""

import pytest
import torch

from hyperforecast.nn import BACKBONES, ForecastingNetwork
from hyperforecast.nn.backbones import backbone_options

B, L, C, H = 3, 12, 7, 4
INDEPENDENT = [
    name for name, backbone in BACKBONES.items() if getattr(backbone, "channel_independent", False)
]


def make(backbone: str, *parts: str, **options) -> ForecastingNetwork:
    torch.manual_seed(0)
    sizes = {"lookback": L, "horizon": H, "n_channels": C}
    if "dropout" in backbone_options(BACKBONES[backbone]):
        options = {"backbone_kwargs": {"dropout": 0.0}, **options}  # drawn in another order
    chosen = {name: {} for name in parts or ["hn-mvts"]}
    network = ForecastingNetwork(**sizes, parts=chosen, backbone=backbone, **options).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network.train()


def gradients(network: ForecastingNetwork, x: torch.Tensor) -> list[torch.Tensor]:
    network.zero_grad()
    network(x).square().sum().backward()
    return [parameter.grad for parameter in network.parameters()]


def test_the_linear_backbones_are_channel_independent():
    assert {"dlinear", "nlinear", "rlinear", "rmlp"} <= set(INDEPENDENT)


@pytest.mark.parametrize("backbone", INDEPENDENT)
@pytest.mark.parametrize("n_block", [1, 3, 7])
def test_blocks_change_neither_forecasts_nor_gradients(backbone, n_block, monkeypatch):
    network = make(backbone, instance_norm="revin-affine")
    x = torch.randn(B, L, C, dtype=torch.float64)
    forecasts, expected = network(x), gradients(network, x)
    n_in = network.backbone.feature_dim
    monkeypatch.setattr(ForecastingNetwork, "max_block", n_block * B * n_in)
    assert network._channels_per_block(torch.empty(B, C, L)) == n_block
    torch.testing.assert_close(network(x), forecasts, rtol=1e-12, atol=1e-12)
    for found, gradient in zip(gradients(network, x), expected, strict=True):
        torch.testing.assert_close(found, gradient, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("backbone", INDEPENDENT)
def test_features_of_a_channel_are_its_own(backbone):
    network = make(backbone)
    x = torch.randn(B, C, L, dtype=torch.float64)
    torch.testing.assert_close(network.backbone(x)[:, 2:4], network.backbone(x[:, 2:4]))


def test_blocks_are_for_training_large_arrays_of_channel_independent_networks(monkeypatch):
    network = make("dlinear")
    passed = []
    network.backbone.register_forward_pre_hook(lambda _, given: passed.append(given[0].shape[-2]))

    def widths(network):
        passed.clear()
        network(torch.randn(B, L, C, dtype=torch.float64))
        return list(passed)

    assert widths(network) == [C]
    monkeypatch.setattr(ForecastingNetwork, "max_block", 1)
    assert widths(network) == [1] * C
    assert widths(network.eval()) == [C]


@pytest.mark.parametrize(
    ("backbone", "parts"),
    [
        ("tsmixer", ["hn-mvts"]),
        ("dlinear", ["individual"]),
        ("dlinear", ["mola"]),
        ("dlinear", ["hn-mvts", "mola"]),
        ("rmlp", ["hn-mvts", "light-sae"]),
        ("rmlp", ["light-sae"]),
    ],
)
def test_other_networks_are_trained_at_once(backbone, parts, monkeypatch):
    network = make(backbone, *parts)
    x = torch.randn(B, L, C, dtype=torch.float64)
    expected = network(x)
    passed = []
    network.backbone.register_forward_pre_hook(lambda _, given: passed.append(given[0].shape[-2]))
    monkeypatch.setattr(ForecastingNetwork, "max_block", 1)
    assert torch.equal(network(x), expected) or backbone == "tsmixer"  # it has dropout
    assert passed == [C]

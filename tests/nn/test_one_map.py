"""Networks with a linear backbone, as one map of the window, against the networks themselves."""

import pytest
import torch

from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.one_map import as_one_map, maps_linearly

B, L, H, C = 6, 12, 4, 5

PARTS = {
    "one head": {},
    "one head each": {"individual": {}},
    "generated": {"hn-mvts": {"channel_embedding_dim": 3}},
    "segments": {"mola": {"n_segments": 2, "rank": 2}},
    "an embedding before": {"light-sae": {"rank": 2, "embedding_dim": 8}},
}


def made(parts: dict, **options: object) -> ForecastingNetwork:
    network = ForecastingNetwork(
        lookback=L,
        horizon=H,
        n_channels=C,
        parts=parts,
        n_past_covariates=2,
        n_future_covariates=1,
        n_static_covariates=2,
        n_factors=1,
        **options,
    ).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_()
    return network.eval()


@pytest.fixture
def windows() -> list[torch.Tensor]:
    shapes = [(B, L, C), (B, L, 2), (B, H, 1), (B, C, 2)]
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, dtype=torch.float64, generator=generator) for shape in shapes]


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS.keys())
@pytest.mark.parametrize(
    "options",
    [
        {"backbone": "dlinear"},
        {"backbone": "dlinear", "backbone_kwargs": {"kernel_size": 5}, "instance_norm": "revin"},
        {"backbone": "dlinear", "backbone_kwargs": {"kernel_size": 1}},
        {"backbone": "nlinear"},
    ],
    ids=["dlinear", "5 steps", "1 step", "nlinear"],
)
def test_it_forecasts_the_same(parts: dict, options: dict, windows: list[torch.Tensor]) -> None:
    network = made(parts, **options)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert maps_linearly(network)
    one_map = as_one_map(network)
    with torch.no_grad():
        expected = network(*windows)
        scale = expected.abs().max().item()
        torch.testing.assert_close(one_map(*windows), expected, rtol=0, atol=1e-12 * scale)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


def test_dlinear_has_half_the_weights() -> None:
    one_map = as_one_map(made({}, backbone="dlinear"))
    assert one_map.head.weight.shape == (H, L)
    assert one_map.head.in_features == L


def test_equal_halves_are_the_map_to_the_bit() -> None:
    network = made({}, backbone="dlinear")
    weight = torch.randn(H, L, dtype=torch.float64)
    with torch.no_grad():
        network.head.weight.copy_(network.backbone.head_of_linear_map(weight))
    assert torch.equal(as_one_map(network).head.weight, weight)


@pytest.mark.parametrize(
    ("backbone", "parts"), [("rlinear", {}), ("rmlp", {}), ("dlinear", {"dynamic": {}})]
)
def test_not_where_something_else_stands_between(backbone: str, parts: dict) -> None:
    assert not maps_linearly(made(parts, backbone=backbone))

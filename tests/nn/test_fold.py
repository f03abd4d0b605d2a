import pytest
import torch
from torch import nn

from hyperforecast.nn import (
    ChannelEmbedding,
    ChannelLinear,
    DenseGenerator,
    ForecastingNetwork,
    HyperLinear,
    StaticLayer,
    Term,
    fold,
)


def hn_mvts(**kwargs: object) -> ForecastingNetwork:
    network = ForecastingNetwork(
        lookback=12,
        horizon=4,
        n_channels=5,
        parts={"hn-mvts": {"channel_embedding_dim": 3}},
        n_past_covariates=2,
        n_future_covariates=1,
        n_static_covariates=2,
        **kwargs,
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_()
    return network


def inputs(dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
    shapes = [(6, 12, 5), (6, 12, 2), (6, 4, 1), (6, 5, 2)]
    return tuple(torch.randn(shape, dtype=dtype) for shape in shapes)


def test_a_folded_network_forecasts_the_same() -> None:
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.float64, 1e-12)):
        network = hn_mvts().to(dtype)
        x = inputs(dtype)
        expected = network(*x).detach()
        scale = expected.abs().max().item()
        torch.testing.assert_close(fold(network)(*x), expected, rtol=0, atol=tolerance * scale)


def test_no_hypernetwork_is_left() -> None:
    folded = fold(hn_mvts())
    kinds = {type(module) for module in folded.modules()}
    assert not any(issubclass(kind, StaticLayer) for kind in kinds)
    assert not kinds & {ChannelEmbedding, DenseGenerator}
    # a head and three covariate maps, one for each channel
    assert sum(p.numel() for p in folded.parameters()) == 5 * (4 * 24 + 4 + 4 * 24 + 1 * 1 + 4 * 2)


def test_the_original_is_unchanged_and_trains_on() -> None:
    network = hn_mvts().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    folded = fold(network)
    with torch.no_grad():
        for parameter in folded.parameters():
            parameter.zero_()
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert isinstance(network.head, HyperLinear)
    assert network.training
    network(*inputs(torch.float32)).square().mean().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_a_folded_network_can_be_trained() -> None:
    folded = fold(hn_mvts())
    folded(*inputs(torch.float32)).square().mean().backward()
    assert all(parameter.grad is not None for parameter in folded.parameters())


def test_a_single_layer_folds() -> None:
    layer = HyperLinear(nn.Linear(4, 5), 3)
    layer.add("part", Term(ChannelEmbedding(3, 2), DenseGenerator(2, 4, 5)))
    folded = fold(layer)
    assert type(folded) is ChannelLinear
    x = torch.randn(6, 3, 4)
    torch.testing.assert_close(folded(x), layer(x))


def test_a_plain_network_folds_to_a_copy() -> None:
    layer = nn.Linear(3, 2)
    folded = fold(layer)
    assert torch.equal(folded.weight, layer.weight)
    assert folded.weight.data_ptr() != layer.weight.data_ptr()


def test_mode_is_kept() -> None:
    assert not any(module.training for module in fold(hn_mvts().eval()).modules())


def test_a_folded_network_has_no_shared_weights() -> None:
    network = ForecastingNetwork(lookback=8, horizon=4, n_channels=3, parts={"mola": {}}).eval()
    x = torch.randn(4, 8, 3)
    assert network(x, shared=True).shape == (4, 2, 3, 1)
    with pytest.raises(ValueError, match="Ask the network that was folded"):
        network.fold()(x, shared=True)

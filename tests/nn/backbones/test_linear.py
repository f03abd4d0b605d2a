"""DLinear, NLinear, RLinear and RMLP against their formulas, written out."""

import pytest
import torch
from torch import Tensor, nn

from hyperforecast.nn import ForecastingNetwork, count_parameters
from hyperforecast.nn.layers.decomposition import MovingAverage

B, L, H, C = 3, 10, 4, 2
X = torch.randn(B, L, C, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def make(backbone: str, **kwargs: object) -> ForecastingNetwork:
    return ForecastingNetwork(
        lookback=L, horizon=H, n_channels=C, backbone=backbone, **kwargs
    ).double()


def forecast(network: ForecastingNetwork) -> Tensor:
    return network(X).squeeze(-1).transpose(1, 2)  # (B, H, C, 1) -> (B, C, H)


def standardise(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    mean = x.mean(dim=-1, keepdim=True)
    deviation = (x.var(dim=-1, keepdim=True, correction=0) + 1e-5).sqrt()
    return (x - mean) / deviation, mean, deviation


def test_dlinear() -> None:
    network = make("dlinear", backbone_kwargs={"kernel_size": 5})
    seasonal, trend = network.head.weight.split(L, dim=1)
    x = X.transpose(1, 2)
    smooth = MovingAverage(5)(x)
    expected = (x - smooth) @ seasonal.T + smooth @ trend.T + network.head.bias
    torch.testing.assert_close(forecast(network), expected, rtol=0, atol=1e-12)
    assert count_parameters(network) == 2 * L * H + H


@pytest.mark.parametrize("parts", [{}, {"hn-mvts": {}}])
def test_dlinear_starts_at_the_mean_of_the_window(parts: dict) -> None:
    network = make("dlinear", parts=parts)
    head = network.fold().head
    expected = X.transpose(1, 2).mean(dim=-1, keepdim=True) + head.bias
    torch.testing.assert_close(forecast(network), expected, rtol=0, atol=1e-7)


def test_dlinear_has_no_instance_norm() -> None:
    assert make("dlinear").instance_norm is None


def test_nlinear() -> None:
    network = make("nlinear")
    x = X.transpose(1, 2)
    last = x[..., -1:]
    expected = (x - last) @ network.head.weight.T + network.head.bias + last
    torch.testing.assert_close(forecast(network), expected, rtol=0, atol=1e-12)
    assert count_parameters(network) == H * L + H


def test_nlinear_without_its_norm_is_a_linear_map() -> None:
    network = make("nlinear", instance_norm="none")
    expected = nn.functional.linear(X.transpose(1, 2), network.head.weight, network.head.bias)
    torch.testing.assert_close(forecast(network), expected, rtol=0, atol=1e-12)


def test_rlinear() -> None:
    network = make("rlinear", backbone_kwargs={"d_model": 6})
    normal, mean, deviation = standardise(X.transpose(1, 2))
    expected = network.head(network.backbone.embedding(normal)) * deviation + mean
    torch.testing.assert_close(forecast(network), expected, rtol=0, atol=1e-12)
    assert count_parameters(network) == (L * 6 + 6) + (6 * H + H)


@pytest.mark.parametrize("d_ff", [None, 9])
def test_rmlp(d_ff: int | None) -> None:
    network = make("rmlp", backbone_kwargs={"d_model": 6, "d_ff": d_ff})
    normal, mean, deviation = standardise(X.transpose(1, 2))
    up, _, _, down = network.backbone.mlp
    embedded = network.backbone.embedding(normal)
    hidden = embedded + down(torch.relu(up(embedded)))
    torch.testing.assert_close(
        forecast(network), network.head(hidden) * deviation + mean, rtol=0, atol=1e-12
    )
    width = d_ff or 6
    expected = (L * 6 + 6) + (6 * width + width) + (width * 6 + 6) + (6 * H + H)
    assert count_parameters(network) == expected


def test_rmlp_is_residual() -> None:
    network = make("rmlp", backbone_kwargs={"d_model": 6})
    with torch.no_grad():
        for parameter in network.backbone.mlp[3].parameters():
            parameter.zero_()
    embedded = torch.randn(B, C, 6, dtype=torch.float64)
    assert torch.equal(network.backbone.encode(embedded), embedded)


def test_rmlp_dropout_acts_in_training_only() -> None:
    network = make("rmlp", backbone_kwargs={"d_model": 64, "dropout": 0.5})
    assert not torch.equal(network.train()(X), network(X))
    assert torch.equal(network.eval()(X), network(X))

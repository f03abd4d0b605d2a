import pytest
import torch
from torch import Tensor, nn

from hyperforecast.nn import ChannelLinear, channel_linear


def by_loop(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    outputs = []
    for c in range(len(weight)):
        one = x[:, 0] if x.shape[1] == 1 else x[:, c]
        outputs.append(nn.functional.linear(one, weight[c], None if bias is None else bias[c]))
    return torch.stack(outputs, dim=1)


@pytest.mark.parametrize("extra", [(), (6,), (6, 2)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("channels", [4, 1])
@pytest.mark.parametrize("broadcast", [False, True])
def test_equals_a_loop(extra: tuple, bias: bool, channels: int, broadcast: bool) -> None:
    weight = torch.randn(channels, 3, 5, dtype=torch.float64)
    offset = torch.randn(channels, 3, dtype=torch.float64) if bias else None
    x = torch.randn(7, 1 if broadcast else channels, *extra, 5, dtype=torch.float64)
    y = channel_linear(x, weight, offset)
    assert y.shape == (7, channels, *extra, 3)
    torch.testing.assert_close(y, by_loop(x, weight, offset), rtol=0, atol=1e-12)


def test_takes_non_contiguous_input() -> None:
    weight, bias = torch.randn(4, 3, 5), torch.randn(4, 3)
    x = torch.randn(7, 5, 4).transpose(1, 2)
    torch.testing.assert_close(channel_linear(x, weight, bias), by_loop(x, weight, bias))


def test_layer_starts_every_channel_alike_and_trains_them_apart() -> None:
    layer = ChannelLinear(4, 5, 3)
    assert (layer.weight == layer.weight[0]).all()
    assert (layer.bias == layer.bias[0]).all()
    x = torch.randn(7, 4, 5)
    layer(x)[:, 2].sum().backward()
    assert (layer.weight.grad[2] != 0).any()
    assert (layer.weight.grad[[0, 1, 3]] == 0).all()


def test_parameter_count() -> None:
    assert sum(p.numel() for p in ChannelLinear(4, 5, 3).parameters()) == 4 * (5 * 3 + 3)
    assert sum(p.numel() for p in ChannelLinear(4, 5, 3, bias=False).parameters()) == 4 * 5 * 3

import torch
from torch import nn

from hyperforecast.nn.layers.initialisers import uniform_fan_in


def test_uniform_fan_in_is_torch_s_start_of_a_linear_layer() -> None:
    torch.manual_seed(3)
    layer = nn.Linear(16, 4)
    torch.manual_seed(3)
    weight = torch.empty(4, 16)
    uniform_fan_in(16)(weight)
    torch.testing.assert_close(weight, layer.weight.detach())


def test_uniform_fan_in_fills_its_range() -> None:
    weight = torch.empty(50, 100)
    uniform_fan_in(100)(weight)
    assert weight.abs().max() <= 0.1
    assert weight.abs().max() > 0.099

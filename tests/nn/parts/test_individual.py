import torch
from torch import nn

from hyperforecast.nn import ChannelLinear
from hyperforecast.nn.methods import Plain


def test_one_head_for_all() -> None:
    head = Plain(4).head(5, 3, initialise=nn.init.ones_)
    assert type(head) is nn.Linear
    assert (head.weight == 1).all()
    assert Plain(4).head(5, 3, initialise=nn.init.ones_, bias=False).bias is None


def test_one_head_each() -> None:
    head = Plain(4, individual=True).head(5, 3, initialise=nn.init.ones_)
    assert type(head) is ChannelLinear
    assert torch.equal(head.weight, torch.ones(4, 3, 5))
    assert Plain(4, individual=True).head(5, 3, initialise=nn.init.ones_, bias=False).bias is None

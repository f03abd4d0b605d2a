import re

import pytest
import torch
from torch import nn

from hyperforecast.nn import BACKBONES, ForecastingNetwork, GeneratedLinear
from hyperforecast.nn.methods import HNMVTS


def test_embedding_dim_by_default() -> None:
    dims = [HNMVTS(n_channels).context.embedding_dim for n_channels in (1, 5, 7, 21, 200)]
    assert dims == [1, 1, 2, 7, 8]


def test_all_heads_share_one_embedding_and_have_generators_of_their_own() -> None:
    method = HNMVTS(4, channel_embedding_dim=2)
    one = method.head(5, 3, initialise=nn.init.zeros_)
    two = method.head(5, 3, initialise=nn.init.ones_, bias=False)
    assert isinstance(one, GeneratedLinear)
    assert one.context is two.context is method.context
    assert one.generator is not two.generator
    assert two.generator.bias is None
    assert (one.generator.weight == 0).all()
    assert (two.generator.weight == 1).all()


def test_only_the_head_is_generated() -> None:
    method = HNMVTS(4)
    assert type(method.embedding(5, 3)) is nn.Linear
    assert type(method.projection(5, 3)) is nn.Linear


def test_hidden_widths_reach_the_generator() -> None:
    head = HNMVTS(4, channel_embedding_dim=2, hyper_hidden=[6, 5]).head(
        7, 3, initialise=nn.init.zeros_
    )
    widths = [layer.out_features for layer in head.generator.trunk if isinstance(layer, nn.Linear)]
    assert widths == [6, 5]
    assert head.generator.weight_bases.shape == (5, 3, 7)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hyper_hidden": [4, 0]}, "hyper_hidden must hold widths >= 1; got [4, 0]."),
        (
            {"channel_embedding_dim": 0, "hyper_hidden": [4]},
            "hyper_hidden has no effect with channel_embedding_dim=0: there is no embedding to "
            "generate from. Leave one of the two out.",
        ),
        (
            {"channel_embedding_dim": 5},
            "channel_embedding_dim must lie between 0 (one weight for all channels) and the number "
            "of channels, 4; got 5. Choose channel_embedding_dim <= 4.",
        ),
    ],
)
def test_bad_options(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        HNMVTS(4, **options)


def test_without_embedding_all_channels_share_the_head() -> None:
    head = HNMVTS(4, channel_embedding_dim=0).head(5, 3, initialise=nn.init.normal_)
    x = torch.randn(6, 1, 5).expand(6, 4, 5)
    y = head(x)
    assert torch.equal(y, y[:, :1].expand_as(y))
    torch.testing.assert_close(
        y[:, 0], nn.functional.linear(x[:, 0], head.generator.weight, head.generator.bias)
    )


@pytest.mark.parametrize("backbone", BACKBONES)
def test_without_an_embedding_it_trains_as_the_plain_backbone(backbone: str) -> None:
    x, target = torch.randn(8, 16, 3), torch.randn(8, 4, 3, 1)
    outcomes = []
    for method, options in (("plain", {}), ("hn-mvts", {"channel_embedding_dim": 0})):
        torch.manual_seed(0)
        network = ForecastingNetwork(
            lookback=16,
            horizon=4,
            n_channels=3,
            method=method,
            method_kwargs=options,
            backbone=backbone,
        )
        optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
        for _ in range(5):
            loss = (network(x) - target).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        outcomes.append(network(x))
    torch.testing.assert_close(*outcomes, rtol=0, atol=1e-5)


def test_same_seed_same_backbone_as_plain() -> None:
    states = []
    for method in ("plain", "hn-mvts"):
        torch.manual_seed(0)
        network = ForecastingNetwork(
            lookback=16, horizon=4, n_channels=3, method=method, backbone="patchtst"
        )
        states.append(network.backbone.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(*(s.values() for s in states), strict=True))

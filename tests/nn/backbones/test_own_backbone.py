"""Backbones of a user's own: what they have to say, and what holds where they say nothing."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hyperforecast.nn import BACKBONES, ForecastingNetwork, InstanceNorm, register_backbone
from hyperforecast.nn.backbones import (
    backbone_options,
    default_instance_norm,
    linear_backbones,
    takes_covariates,
)

L, H, C = 8, 3, 2


class Own(nn.Module):
    """Some steps of the window."""

    def __init__(self, lookback: int, n_channels: int, *, n_recent: int = 4) -> None:
        super().__init__()
        self.feature_dim = n_recent

    def forward(self, x: Tensor) -> Tensor:
        return x[..., -self.feature_dim :]


@pytest.fixture
def own() -> Iterator[type[Own]]:
    """A backbone that is registered for one test, and may be changed by it."""
    backbone = type("Own", (Own,), {})
    register_backbone("own", backbone)
    yield backbone
    del BACKBONES["own"]


def make(**kwargs: Any) -> ForecastingNetwork:
    return ForecastingNetwork(lookback=L, horizon=H, n_channels=C, backbone="own", **kwargs)


@pytest.mark.usefixtures("own")
class TestSaysNothing:
    def test_is_the_head_on_its_features(self) -> None:
        network, x = make(backbone_kwargs={"n_recent": 5}), torch.randn(6, L, C)
        expected = network.head(x[:, -5:].transpose(1, 2)).transpose(1, 2)
        torch.testing.assert_close(network(x).squeeze(-1), expected)

    def test_what_holds(self) -> None:
        assert backbone_options(BACKBONES["own"]) == ["n_recent"]
        assert default_instance_norm("own") == "none"
        assert make().instance_norm is None
        assert not takes_covariates("own")
        assert "own" not in linear_backbones()

    def test_the_head_starts_as_a_linear_layer(self) -> None:
        weight = make(backbone_kwargs={"n_recent": 4}).head.weight
        assert 0.4 < weight.abs().max() <= 0.5

    def test_all_channels_are_trained_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ForecastingNetwork, "max_block", 1)
        network, passed = make(parts={"hn-mvts": {}}).train(), []
        network.backbone.register_forward_pre_hook(lambda _, given: passed.append(given[0].shape))
        network(torch.randn(6, L, C))
        assert passed == [(6, C, L)]


class TestSays:
    def test_its_instance_norm(self, own: type[Own]) -> None:
        own.default_instance_norm = "last"
        assert isinstance(make().instance_norm, InstanceNorm)
        assert make(instance_norm="none").instance_norm is None

    def test_the_start_of_its_head(self, own: type[Own]) -> None:
        own.head_initialiser = lambda self: nn.init.ones_
        assert (make().head.weight == 1).all()

    def test_that_its_channels_are_independent(
        self, own: type[Own], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        own.channel_independent = True
        network = make(parts={"hn-mvts": {}}).train()
        x = torch.randn(6, L, C)
        expected = network(x)
        passed = []
        network.backbone.register_forward_pre_hook(lambda _, given: passed.append(given[0].shape))
        monkeypatch.setattr(ForecastingNetwork, "max_block", 1)
        torch.testing.assert_close(network(x), expected)
        assert passed == [(6, 1, L)] * C

    def test_that_it_is_a_linear_map(self, own: type[Own]) -> None:
        own.head_of_linear_map = lambda self, weight: weight
        assert "own" in linear_backbones()


@pytest.mark.parametrize("width", [None, 0, 2.0, True])
def test_a_width_that_is_none(own: type[Own], width: Any) -> None:
    def __init__(self: Own, lookback: int, n_channels: int) -> None:
        nn.Module.__init__(self)
        if width is not None:
            self.feature_dim = width

    own.__init__ = __init__
    message = (
        "The backbone Own must say by an attribute feature_dim, a whole number >= 1, how many "
        f"features it gives for each channel; got {width!r}."
    )
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        make()


class TestRegister:
    def test_the_same_one_again(self, own: type[Own]) -> None:
        register_backbone("own", own)
        assert BACKBONES["own"] is own

    def test_a_name_that_is_taken(self) -> None:
        message = "The backbone name 'dlinear' is taken by DLinear; choose another."
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            register_backbone("dlinear", Own)

    @pytest.mark.parametrize("backbone", [dict, Own(L, C), "own"])
    def test_what_is_no_module(self, backbone: Any) -> None:
        with pytest.raises(TypeError, match=r"^backbone must be a subclass of torch\.nn\.Module"):
            register_backbone("other", backbone)

"""Whether channels share a response to covariates, or have their own."""

import re

import pytest
import torch

from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.channel_linear import ChannelLinear

B, L, H, C = 5, 12, 6, 3
MAPS = ("past_covariate_map", "future_covariate_map")


def build(*, covariates: bool = True, **options: object) -> ForecastingNetwork:
    torch.manual_seed(0)
    n = {"n_past_covariates": 2, "n_future_covariates": 1, "n_static_covariates": 1}
    arguments = {"lookback": L, "horizon": H, "n_channels": C, **(n if covariates else {})}
    return ForecastingNetwork(**{**arguments, **options})


def inputs() -> tuple[torch.Tensor, ...]:
    torch.manual_seed(1)
    return torch.randn(B, L, C), torch.randn(B, L, 2), torch.randn(B, H, 1), torch.randn(B, C, 1)


@pytest.mark.parametrize(
    ("parts", "given", "own"),
    [
        ({}, None, False),
        ({}, False, False),
        ({}, True, True),
        ({"film": {}}, None, True),
        ({"light-sae": {}}, None, True),
        ({"light-sae": {}}, False, False),
        ({"mola": {"n_segments": 2}}, None, True),
        ({"light-sae": {}, "mola": {"n_segments": 2}}, False, False),
    ],
)
def test_whose_the_maps_are(parts: dict, given: bool | None, own: bool) -> None:
    network = build(parts=parts, backbone="rmlp", individual_covariates=given)
    for name in MAPS:
        axes = (C,) if own else ()
        assert network.get_submodule(name).weight.shape[:-2] == axes
    assert network.static_covariate_map.weight.dim() == 2


@pytest.mark.parametrize("parts", [{}, {"light-sae": {}}, {"mola": {"n_segments": 2}}])
def test_each_channel_s_map_is_a_shared_one_for_it_alone(parts: dict) -> None:
    """Against networks with one map for all, filled with one channel's."""
    own = build(parts=parts, backbone="rmlp", individual_covariates=True).eval()
    shared = build(parts=parts, backbone="rmlp", individual_covariates=False).eval()
    state = own.state_dict()
    for name in MAPS:
        torch.nn.init.normal_(own.get_submodule(name).weight)
    x = inputs()
    with torch.no_grad():
        found = own(*x)
        for n in range(C):
            one = {k: v[n] if k in [f"{m}.weight" for m in MAPS] else v for k, v in state.items()}
            shared.load_state_dict(one)
            torch.testing.assert_close(found[:, :, n], shared(*x)[:, :, n])
        torch.testing.assert_close(own.fold()(*x), found)


@pytest.mark.parametrize("adapted", [None, ["head"], ["*_map"]])
@pytest.mark.parametrize("head", [{}, {"individual": {}}, {"hn-mvts": {}}])
def test_beside_segments(head: dict, adapted: list | None) -> None:
    """Maps of channels that no expert adapts are given the segments too, folded or not."""
    mola = {"n_segments": 2, "adapted_layers": adapted}
    network = build(parts={**head, "mola": mola}, backbone="rmlp").eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "map" in name:
                torch.nn.init.normal_(parameter)
        x = inputs()
        found = network(*x)
        assert found.shape == (B, H, C, 1)
        torch.testing.assert_close(network.fold()(*x), found)
        # the covariates of a step act on it, in whichever segment it lies
        past, future = x[1], x[2].clone()
        future[:, -1] += 1
        change = network(x[0], past, future, x[3]) - found
        assert change[:, -1].abs().min() > 0
        assert not change[:, :-1].any()


def test_starts_and_draws_are_those_of_shared_maps() -> None:
    """So without covariates, and before training with them, nothing is another."""
    for parts in ({}, {"light-sae": {}}, {"film": {}}):
        own, shared = (
            build(parts=parts, backbone="rmlp", individual_covariates=given)
            for given in (True, False)
        )
        weights = dict(own.named_parameters())
        for name, parameter in shared.named_parameters():
            if "covariate_map" in name:
                assert not weights[name].any()
            else:
                assert torch.equal(weights[name], parameter)
        without = [
            build(covariates=False, parts=parts, backbone="rmlp", individual_covariates=g)
            for g in (True, False)
        ]
        for one, other in zip(*(net.state_dict().values() for net in without), strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"parts": {"hn-mvts": {}}}, "'hn-mvts' says how each channel responds to covariates"),
        ({"parts": {"individual": {}}}, "'individual' says how"),
        ({"backbone": "itransformer"}, "the backbone 'itransformer' takes covariates itself"),
    ],
)
def test_without_effect_it_is_an_error(given: bool, options: dict, why: str) -> None:
    message = re.escape(f"individual_covariates would have no effect: {why}")
    with pytest.raises(ValueError, match=message):
        build(individual_covariates=given, **options)


def test_a_layer_of_channels_takes_segments_where_it_is_told_of_axes() -> None:
    torch.manual_seed(0)
    layer = ChannelLinear(C, 4, 2, n_axes=3)
    x = torch.randn(7, B, C, 4)
    expected = torch.stack([layer(one) for one in x])
    torch.testing.assert_close(layer(x), expected)

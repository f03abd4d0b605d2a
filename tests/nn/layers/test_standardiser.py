"""Standardisation of inputs and forecasts."""

import pytest
import torch

from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.layers.instance_norm import Statistics, restore
from hyperforecast.nn.layers.standardiser import Standardiser

B, L, H, C = 5, 6, 3, 2


def vector(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def make() -> Standardiser:
    standardiser = Standardiser(C, n_past=1, n_future=2, n_static=1).double()
    standardiser.set_units("target", vector(10.0, -1.0), vector(2.0, 0.5))
    standardiser.set_units("past", vector(3.0), vector(4.0))
    standardiser.set_units("future", vector(1.0, 7.0), vector(5.0, 0.0))
    standardiser.set_units("static", vector(-2.0), vector(0.1))
    return standardiser


def test_by_hand() -> None:
    standardiser = make()
    x = torch.tensor([[[12.0, 8.0], [0.0, -1.5]]], dtype=torch.float64)  # (B, C, L)
    expected = torch.tensor([[[1.0, -1.0], [2.0, -1.0]]], dtype=torch.float64)
    torch.testing.assert_close(standardiser.standardise(x), expected)
    past, future = vector(7.0)[None], vector(11.0, 9.0)[None]
    torch.testing.assert_close(standardiser.standardise_covariates(past, "past"), vector(1.0)[None])
    # one that was constant is in units of one
    found = standardiser.standardise_covariates(future, "future")
    torch.testing.assert_close(found, vector(2.0, 2.0)[None])
    found = standardiser.standardise_covariates(vector(-1.9)[None, None], "static")
    torch.testing.assert_close(found, vector(1.0)[None, None])
    assert standardiser.standardise_covariates(None, "past") is None


def test_changes_nothing_until_units_are_set() -> None:
    x = torch.randn(B, C, L)
    standardiser = Standardiser(C)
    assert torch.equal(standardiser.standardise(x), x)
    assert torch.equal(standardiser.restore(x[..., None], ["location"]), x[..., None])


def test_restore_is_the_inverse() -> None:
    y = torch.randn(B, C, H, 1, dtype=torch.float64)
    standardiser = make()
    restored = standardiser.restore(y, ["location"])
    torch.testing.assert_close(standardiser.standardise(restored.squeeze(-1)), y.squeeze(-1))


def test_outputs_are_restored_by_their_role() -> None:
    y = torch.randn(B, C, H, 3, dtype=torch.float64)
    roles = ["location", "scale", "free"]
    statistics = Statistics(vector(10.0, -1.0)[:, None], vector(2.0, 0.5)[:, None])
    torch.testing.assert_close(make().restore(y, roles), restore(y, statistics, roles))
    assert torch.equal(make().restore(y, roles)[..., 2], y[..., 2])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("level", [0.0, 3.0, -1e9])
def test_the_unit_of_a_constant_channel_is_below_its_rounding(
    level: float, dtype: torch.dtype
) -> None:
    standardiser = Standardiser(1).to(dtype)
    standardiser.set_units("target", torch.tensor([level]), torch.tensor([0.0]))
    outputs = torch.tensor([[[[-10.0]]], [[[10.0]]]], dtype=dtype)
    restored = standardiser.restore(outputs, ["location"])
    torch.testing.assert_close(restored, torch.full_like(restored, level), rtol=0, atol=1e-11)
    # and still it is linear: what goes in comes out
    x = torch.tensor([[[level + 5.0]]], dtype=dtype)
    back = standardiser.restore(standardiser.standardise(x)[..., None], ["location"])
    torch.testing.assert_close(back[..., 0], x)


def test_a_network_standardises_what_it_is_given() -> None:
    """It is the network without, between standardised inputs and restored forecasts."""
    sizes = {"n_past_covariates": 1, "n_future_covariates": 2, "n_static_covariates": 1}
    arguments = {"lookback": L, "horizon": H, "n_channels": C, "instance_norm": "revin", **sizes}
    torch.manual_seed(0)
    plain = ForecastingNetwork(**arguments).double()
    network = ForecastingNetwork(**arguments, standardised=True).double()
    with torch.no_grad():
        for parameter in plain.parameters():
            parameter.normal_()
    missing = network.load_state_dict(plain.state_dict(), strict=False)
    assert all(name.startswith("standardiser.") for name in missing.missing_keys)
    network.standardiser.load_state_dict(make().state_dict())
    standardiser = make()
    x, past = torch.randn(B, L, C).double(), torch.randn(B, L, 1).double()
    future, static = torch.randn(B, H, 2).double(), torch.randn(B, C, 1).double()
    inside = plain(
        standardiser.standardise(x.mT).mT,
        past_covariates=standardiser.standardise_covariates(past, "past"),
        future_covariates=standardiser.standardise_covariates(future, "future"),
        static_covariates=standardiser.standardise_covariates(static, "static"),
    )
    expected = standardiser.restore(inside.transpose(1, 2), ["location"]).transpose(1, 2)
    given = {"past_covariates": past, "future_covariates": future, "static_covariates": static}
    torch.testing.assert_close(network(x, **given), expected)
    torch.testing.assert_close(network.fold()(x, **given), expected)

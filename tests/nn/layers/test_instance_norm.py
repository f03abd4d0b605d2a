import math

import pytest
import torch
from torch.nn.functional import softplus

from hyperforecast.nn import INSTANCE_NORMS
from hyperforecast.nn.layers.instance_norm import (
    AffineRevIN,
    InstanceNorm,
    LastValueNorm,
    MeanNorm,
    RevIN,
)

WINDOW = torch.tensor([[[1.0, 2.0, 3.0, 6.0], [5.0, 5.0, 5.0, 5.0]]], dtype=torch.float64)
NORMS = [norm for norm in INSTANCE_NORMS.values() if norm is not None]


def make(norm: type[InstanceNorm], n_channels: int = 2) -> InstanceNorm:
    """A norm whose parameters, if it has any, matter."""
    made = norm(n_channels).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.uniform_(0.5, 2.0)
    return made


def test_registry() -> None:
    assert {
        "none": None,
        "last": LastValueNorm,
        "mean": MeanNorm,
        "revin": RevIN,
        "revin-affine": AffineRevIN,
    } == INSTANCE_NORMS


def test_last_value_by_hand() -> None:
    norm = LastValueNorm(2)
    statistics = norm.statistics(WINDOW)
    expected = torch.tensor([[[-5.0, -4.0, -3.0, 0.0], [0.0] * 4]], dtype=torch.float64)
    assert torch.equal(norm.normalise(WINDOW, statistics), expected)
    forecast = torch.tensor([[[[1.0], [2.0]], [[3.0], [4.0]]]], dtype=torch.float64)
    expected = torch.tensor([[[[7.0], [8.0]], [[8.0], [9.0]]]], dtype=torch.float64)
    assert torch.equal(norm.restore(forecast, statistics, ["location"]), expected)


def test_mean_by_hand() -> None:
    norm = MeanNorm(2)
    statistics = norm.statistics(WINDOW)
    expected = torch.tensor([[[-2.0, -1.0, 0.0, 3.0], [0.0] * 4]], dtype=torch.float64)
    assert torch.equal(norm.normalise(WINDOW, statistics), expected)


def test_revin_by_hand() -> None:
    norm = RevIN(2)
    statistics = norm.statistics(WINDOW)
    # population variance (4 + 1 + 0 + 9) / 4 = 3.5
    deviation = math.sqrt(3.5 + 1e-5)
    expected = torch.tensor([-2.0, -1.0, 0.0, 3.0], dtype=torch.float64) / deviation
    normal = norm.normalise(WINDOW, statistics)
    torch.testing.assert_close(normal[0, 0], expected)
    assert (normal[0, 1] == 0).all()
    forecast = torch.tensor([[[[2.0]], [[2.0]]]], dtype=torch.float64)
    restored = norm.restore(forecast, statistics, ["location"])
    assert restored[0, 0, 0, 0] == pytest.approx(3 + 2 * deviation)
    assert restored[0, 1, 0, 0] == pytest.approx(5 + 2 * math.sqrt(1e-5))


def test_affine_revin_is_the_formula_of_the_paper() -> None:
    norm = make(AffineRevIN, 3)
    x = torch.randn(4, 3, 10, dtype=torch.float64) * 3 + 7
    mean = x.mean(dim=-1, keepdim=True)
    deviation = (x.var(dim=-1, keepdim=True, correction=0) + 1e-5).sqrt()
    epsilon = 1e-5**2  # of the published code, so that a weight of zero can be undone
    statistics = norm.statistics(x)
    torch.testing.assert_close(
        norm.normalise(x, statistics),
        (x - mean) / deviation * (norm.weight + epsilon) + norm.bias,
        rtol=0,
        atol=1e-12,
    )
    y = torch.randn(4, 3, 6, 1, dtype=torch.float64)
    expected = (y[..., 0] - norm.bias) / (norm.weight + epsilon) * deviation + mean
    restored = norm.restore(y, statistics, ["location"])
    torch.testing.assert_close(restored[..., 0], expected, rtol=0, atol=1e-12)


def test_affine_revin_starts_as_revin() -> None:
    x = torch.randn(4, 3, 10, dtype=torch.float64)
    affine, plain = AffineRevIN(3).double(), RevIN(3)
    torch.testing.assert_close(
        affine.normalise(x, affine.statistics(x)), plain.normalise(x, plain.statistics(x))
    )


@pytest.mark.parametrize("norm", NORMS)
def test_restoring_undoes_normalising(norm: type[InstanceNorm]) -> None:
    made = make(norm)
    x = torch.randn(4, 2, 10, dtype=torch.float64) * 3 + 7
    statistics = made.statistics(x)
    again = made.restore(made.normalise(x, statistics).unsqueeze(-1), statistics, ["location"])
    torch.testing.assert_close(again.squeeze(-1), x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("norm", NORMS)
def test_each_role_is_restored_in_its_own_way(norm: type[InstanceNorm]) -> None:
    made = make(norm)
    if isinstance(made, AffineRevIN):
        with torch.no_grad():
            made.weight[0] *= -1  # a negative weight mirrors the location, never the scale
    statistics = made.statistics(torch.randn(4, 2, 10, dtype=torch.float64) * 3)
    raw = torch.randn(4, 2, 5, 3, dtype=torch.float64) * 4
    restored = made.restore(raw, statistics, ["location", "scale", "free"])
    shift = statistics.shift.unsqueeze(-1)
    scale = torch.ones(()) if statistics.scale is None else statistics.scale.unsqueeze(-1)
    torch.testing.assert_close(restored[..., :1], raw[..., :1] * scale + shift)
    torch.testing.assert_close(softplus(restored[..., 1:2]), softplus(raw[..., 1:2]) * scale.abs())
    assert torch.equal(restored[..., 2:], raw[..., 2:])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("raw", [-80.0, -20.0, 0.0, 20.0, 80.0])
@pytest.mark.parametrize("spread", [1e-3, 1.0, 1e4])
def test_scales_stay_finite_far_out(dtype: torch.dtype, raw: float, spread: float) -> None:
    norm = RevIN(1)
    x = torch.tensor([[[-spread, spread]]], dtype=dtype)
    y = torch.full((1, 1, 1, 2), raw, dtype=dtype, requires_grad=True)
    statistics = norm.statistics(x)
    restored = norm.restore(y, statistics, ["location", "scale"])[..., 1]
    expected = softplus(y[..., 1]) * statistics.scale
    torch.testing.assert_close(softplus(restored), expected, rtol=1e-4, atol=1e-30)
    restored.sum().backward()
    assert torch.isfinite(y.grad).all()


@pytest.mark.parametrize("norm", NORMS)
def test_two_windows_in_flight(norm: type[InstanceNorm]) -> None:
    made = make(norm)
    one, two = (torch.randn(1, 2, 10, dtype=torch.float64) + shift for shift in (0, 100))
    first, second = made.statistics(one), made.statistics(two)
    normal = made.normalise(one, first)
    made.normalise(two, second)
    again = made.restore(normal.unsqueeze(-1), first, ["location"]).squeeze(-1)
    torch.testing.assert_close(again, one)


@pytest.mark.parametrize("norm", NORMS)
def test_channels_and_rows_do_not_mix(norm: type[InstanceNorm]) -> None:
    made = make(norm)
    x = torch.randn(4, 2, 10, dtype=torch.float64)
    other = x.clone()
    other[2, 1] += 5
    a = made.normalise(x, made.statistics(x))
    b = made.normalise(other, made.statistics(other))
    changed = (a != b).any(dim=-1)
    assert not changed[[0, 1, 3]].any()
    assert not changed[2, 0]

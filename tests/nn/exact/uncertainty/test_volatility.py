"""The scale of residuals by what windows did of late."""

import pytest
import torch
from made_series import noise
from torch import Tensor

from hyperforecast.nn.exact.uncertainty.spread import spread
from hyperforecast.nn.exact.uncertainty.volatility import (
    MAX_CHANNELS,
    compared_spans,
    select_volatility,
)

LEVELS = torch.tensor([0.05, 0.5, 0.95], dtype=torch.float64)


@pytest.mark.parametrize(
    ("lookback", "expected"), [(1, []), (2, [2]), (3, [3]), (12, [3, 12]), (60, [3, 12, 48, 60])]
)
def test_spans_grow_to_the_window(lookback: int, expected: list[int]) -> None:
    assert compared_spans(lookback) == expected


def changing(n_windows: int = 800, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two variances (2, T, 2), of which the residuals (2, T, 2) follow the second."""
    variances = torch.exp(noise(2, n_windows, 2, seed=seed))
    scale = (0.25 + 0.75 * variances[..., 1:] / variances[..., 1:].mean()).sqrt()
    return noise(2, n_windows, 2, seed=seed + 1) * scale, variances


def test_follows_the_span_that_matters() -> None:
    residuals, variances = changing()
    found, scale = select_volatility(residuals, variances, [3, 12], LEVELS, 100)
    assert found.spans == (12,)
    assert 0.25 <= found.constant <= 0.5
    expected = (found.constant + variances[..., 1] * found.coefficients).sqrt()
    torch.testing.assert_close(scale, expected)
    assert scale.square().mean().item() == pytest.approx(1.0)


def test_is_constant_where_nothing_is_to_be_followed() -> None:
    residuals, variances = noise(2, 800, 2, seed=5), changing()[1]
    found, scale = select_volatility(residuals, variances, [3, 12], LEVELS, 100)
    assert found.spans == ()
    assert (scale == 1).all()


def test_is_constant_where_windows_are_few() -> None:
    found, _ = select_volatility(*changing(), [3, 12], LEVELS, 7)
    assert found.spans == ()


def test_does_not_depend_on_units() -> None:
    residuals, variances = changing()
    units = torch.tensor([1e-6, 1e5], dtype=torch.float64)[:, None, None]
    one, scale = select_volatility(residuals, variances, [3, 12], LEVELS, 100)
    other, same = select_volatility(residuals * units, variances * units**2, [3, 12], LEVELS, 100)
    assert (one.spans, one.constant) == (other.spans, other.constant)
    torch.testing.assert_close(scale, same)


def test_does_not_depend_on_the_order_of_many_channels() -> None:
    """Those at places that an even choice of them has follow what their windows did."""
    variances = torch.exp(noise(70, 800, 1))
    follows = torch.isin(torch.arange(70), spread(70, MAX_CHANNELS))[:, None, None]
    residuals = noise(70, 800, 2, seed=1) * torch.where(follows, variances, 1.0).sqrt()
    one, _ = select_volatility(residuals, variances, [12], LEVELS, 100)
    other, _ = select_volatility(residuals.flip(0), variances.flip(0), [12], LEVELS, 100)
    assert one.spans == (12,)
    assert one.constant == other.constant


def test_a_channel_that_never_moved_does_not_scale() -> None:
    residuals, variances = changing()
    variances[0], residuals[0] = 0.0, 0.0
    found, scale = select_volatility(residuals, variances, [3, 12], LEVELS, 100)
    assert found.spans == (12,)
    assert (found.coefficients[0] == 0).all()
    assert torch.isfinite(scale).all()

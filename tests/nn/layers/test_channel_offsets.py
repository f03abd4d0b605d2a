"""Offsets of outputs, scaled by the window."""

import pytest
import torch

from hyperforecast.nn.layers.channel_offsets import ChannelOffsets, recent_variances, usual_offsets

B, C, L, H, P = 4, 3, 8, 5, 2


def filled(spans: tuple[int, ...]) -> ChannelOffsets:
    layer = ChannelOffsets(C, H, P, spans).double()
    with torch.no_grad():
        layer.offsets.normal_()
        if spans:
            layer.constant.fill_(0.4)
            layer.coefficients.uniform_(0.1, 1.0)
    return layer


def test_without_spans_all_windows_have_the_same() -> None:
    layer, y = filled(()), torch.randn(B, C, H, P, dtype=torch.float64)
    torch.testing.assert_close(layer(y, torch.randn(B, C, L).double()), y + layer.offsets)


def test_follow_the_variances_of_recent_values() -> None:
    layer, y = filled((2, L)), torch.randn(B, C, H, P, dtype=torch.float64)
    x = torch.randn(B, C, L, dtype=torch.float64)
    found = layer(y, x)
    for b in range(B):
        for c in range(C):
            first, second = layer.coefficients[c].tolist()
            variance = 0.4 + first * x[b, c, -2:].var(correction=0)
            variance = variance + second * x[b, c].var(correction=0)
            expected = y[b, c] + layer.offsets[c] * variance.sqrt()
            torch.testing.assert_close(found[b, c], expected)


def test_fewer_steps_have_the_first_ones() -> None:
    layer, y = filled((3,)), torch.randn(B, C, H, P, dtype=torch.float64)
    x = torch.randn(B, C, L, dtype=torch.float64)
    torch.testing.assert_close(layer(y[:, :, :2], x), layer(y, x)[:, :, :2])


@pytest.mark.parametrize("level", [0.0, 1e4])
def test_of_constant_windows_are_finite(level: float) -> None:
    layer = filled((2, L))
    x = torch.full((B, C, L), level, dtype=torch.float64, requires_grad=True)
    y = layer(torch.zeros(B, C, H, P, dtype=torch.float64), x)
    torch.testing.assert_close(y, (layer.offsets * 0.4**0.5).expand_as(y))
    y.sum().backward()
    assert torch.isfinite(x.grad).all()
    assert torch.isfinite(layer.offsets.grad).all()


def test_start_at_nothing() -> None:
    layer, y = ChannelOffsets(C, H, P, (3,)), torch.randn(B, C, H, P)
    torch.testing.assert_close(layer(y, torch.randn(B, C, L)), y)
    assert [name for name, _ in layer.named_parameters()] == ["offsets"]


def test_variances_of_no_spans_are_none() -> None:
    assert recent_variances(torch.randn(B, C, L), ()).shape == (B, C, 0)


@pytest.mark.parametrize("spans", [(), (2, L)])
def test_channels_of_a_window_have_those_of_their_rows(spans: tuple[int, ...]) -> None:
    layer, y = filled(spans), torch.randn(B, 2, H, P, dtype=torch.float64)
    x = torch.randn(B, 2, L, dtype=torch.float64)
    rows = torch.tensor([[2, 0], [1, 1], [0, 2], [2, 2]])
    found = layer(y, x, rows)
    for b in range(B):
        for c in range(2):
            every = layer(y[b, c].expand(1, C, H, P), x[b, c].expand(1, C, L))
            torch.testing.assert_close(found[b, c], every[0, rows[b, c]])


@pytest.mark.parametrize("shape", [(H, P), (3,)])
def test_usual_ones_have_the_geometric_mean_of_the_sizes(shape: tuple[int, ...]) -> None:
    shapes = torch.rand(C, *shape, dtype=torch.float64)
    sizes = torch.tensor([[1.0, 2.0], [100.0, 2.0], [10.0, 16.0], [0.0, 1.0]]).double()
    sizes = sizes.repeat_interleave(2, dim=1)[:, :C]
    rows = sizes.view(4, C, *[1] * len(shape)) * shapes
    expected = torch.tensor([10.0, 10.0, 64 ** (1 / 4)])
    found = usual_offsets(rows)
    torch.testing.assert_close(found[0], expected.view(C, *[1] * len(shape)) * shapes)
    assert not usual_offsets(torch.zeros(2, C, *shape)).any()

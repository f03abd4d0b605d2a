"""Linear maps along axes, against one map after the other."""

import itertools
import re

import pytest
import torch
from torch import Tensor, nn

from hyperforecast.nn import StackedLinear
from hyperforecast.nn.stacked_linear import (
    compute_once,
    lifted,
    linear_along,
    position,
    spread,
    stacked_linear,
)

S, B, C, N_IN, N_OUT = 2, 3, 4, 5, 6
LENGTHS = {"segment": S, "window": B, "channel": C}
ALL_AXES = [
    axes for n in range(4) for axes in itertools.combinations(("segment", "window", "channel"), n)
]


def values(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def entry(tensor: Tensor, axes: tuple[str, ...], index: dict[str, int]) -> Tensor:
    """Pick one map; along an axis of length one there is one for all."""
    for axis in axes:
        tensor = tensor[min(index[axis], len(tensor) - 1)]
    return tensor


def by_loop(
    x: Tensor, weight: Tensor, bias: Tensor | None, axes: tuple[str, ...], leading: bool
) -> Tensor:
    """Apply one map after the other to inputs (S, B, C, ..., I) or (B, C, ..., I)."""
    x = x if leading else x[None]
    rows = []
    for s, b, c in itertools.product(range(S if leading else 1), range(B), range(C)):
        index = {"segment": s, "window": b, "channel": c}
        one = x[min(s, len(x) - 1), min(b, x.shape[1] - 1), min(c, x.shape[2] - 1)]
        offset = None if bias is None else entry(bias, axes, index)
        rows.append(nn.functional.linear(one, entry(weight, axes, index), offset))
    y = torch.stack(rows).unflatten(0, (-1, B, C))
    return y if leading else y[0]


@pytest.mark.parametrize("extra", [(), (2,)])
@pytest.mark.parametrize("bias", ["none", "full", "shared"])
@pytest.mark.parametrize("axes", ALL_AXES)
@pytest.mark.parametrize("leading", [True, False])
def test_linear_along_axes(axes: tuple, leading: bool, bias: str, extra: tuple) -> None:
    if "segment" in axes and not leading:
        return
    lengths = [LENGTHS[axis] for axis in axes]
    weight = values(*lengths, N_OUT, N_IN)
    offset = {
        "none": None,
        "full": values(*lengths, N_OUT),
        "shared": values(*(1 for _ in lengths), N_OUT),
    }[bias]
    shapes = [(S, B, C)] if leading else [(B, C)]
    if "segment" in axes:
        shapes.append((1, B, C))
    if "channel" in axes:
        shapes.append((*shapes[0][:-1], 1))
    for shape in shapes:
        x = values(*shape, *extra, N_IN)
        expected = by_loop(x, weight, offset, axes, leading)
        y = linear_along(x, weight, offset, axes, int(leading))
        torch.testing.assert_close(y, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("bias", [None, 1, S])
@pytest.mark.parametrize("length", [S, 1])
def test_stacked_linear(length: int, bias: int | None) -> None:
    x, weight = values(length, B, N_IN), values(S, N_OUT, N_IN)
    offset = None if bias is None else values(bias, N_OUT)
    y = stacked_linear(x, weight, offset)
    assert y.shape == (S, B, N_OUT)
    assert y.is_contiguous()
    for s in range(S):
        added = 0 if offset is None else offset[min(s, len(offset) - 1)]
        expected = x[min(s, length - 1)] @ weight[s].T + added
        torch.testing.assert_close(y[s], expected, rtol=0, atol=1e-12)


def test_position() -> None:
    assert [position(axis, 0) for axis in ("window", "channel")] == [0, 1]
    assert [position(axis, 1) for axis in ("segment", "window", "channel")] == [0, 1, 2]


def test_lifted_and_spread() -> None:
    of_channels = values(C, N_OUT)
    axes = ("segment", "window", "channel")
    assert torch.equal(lifted(of_channels, ("channel",), axes), of_channels[None, None])
    of_both = values(S, C, N_OUT)
    assert torch.equal(lifted(of_both, ("segment", "channel"), axes), of_both[:, None])
    laid = spread(of_both, ("segment", "channel"), 1, 5)
    assert torch.equal(laid, of_both[:, None, :, None])
    assert torch.equal(spread(of_channels, ("channel",), 0, 4), of_channels[None, :, None])


def test_what_is_the_same_for_all_segments_is_computed_once() -> None:
    x = values(B, C, N_IN)
    n_segments, once = compute_once(x.expand(S, *x.shape))
    assert n_segments == S
    assert torch.equal(once, x[None])
    own = values(S, B, C, N_IN)
    assert compute_once(own) == (S, own)


class TestLayer:
    @pytest.mark.parametrize("axes", [("segment",), ("segment", "channel")])
    @pytest.mark.parametrize("bias", ["none", "full", "shared"])
    def test_equals_a_loop(self, axes: tuple, bias: str) -> None:
        lengths = [LENGTHS[axis] for axis in axes]
        offset = {
            "none": None,
            "full": values(*lengths, N_OUT),
            "shared": values(*(1 for _ in lengths), N_OUT),
        }[bias]
        layer = StackedLinear(values(*lengths, N_OUT, N_IN), offset, axes, 3)
        one = values(B, C, N_IN)
        for x in (values(S, B, C, N_IN), one.expand(S, *one.shape)):
            expected = by_loop(x, layer.weight, layer.bias, axes, True)
            torch.testing.assert_close(layer(x), expected, rtol=0, atol=1e-12)
            first = layer(x[:1])
            assert first.shape == (1, B, C, N_OUT)
            torch.testing.assert_close(first, expected[:1], rtol=0, atol=1e-12)

    def test_is_trained(self) -> None:
        layer = StackedLinear(values(S, N_OUT, N_IN), values(S, N_OUT), ("segment",), 2)
        layer(values(S, B, N_IN)).sum().backward()
        assert all((parameter.grad != 0).all() for parameter in layer.parameters())

    def test_says_its_sizes(self) -> None:
        layer = StackedLinear(values(S, C, N_OUT, N_IN), None, ("segment", "channel"), 3)
        expected = "segment=2, channel=4, in_features=5, out_features=6"
        assert re.search(re.escape(expected), repr(layer))

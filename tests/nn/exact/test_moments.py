"""Window moments, against the products of every window written out."""

from collections.abc import Callable
from dataclasses import fields

import pytest
import torch
from naive_windows import design, designs
from torch import Tensor

from hyperforecast.nn.exact import (
    LINEAR_NORMS,
    Moments,
    Panel,
    WindowLayout,
    block_moments,
    lagged_products,
    mixed_products,
    window_moments,
)
from hyperforecast.nn.exact.bank import MomentBank
from hyperforecast.nn.exact.windows import window_rows

KINDS = {
    "alone": (),
    "past": ("past",),
    "future": ("future",),
    "static": ("static",),
    "factors": ("factors",),
    "all": ("past", "future", "static", "factors"),
}


def make_layout(kinds: tuple[str, ...], norm: str, shift: int, lookback: int = 7) -> WindowLayout:
    random = torch.Generator().manual_seed(5)
    loadings = torch.randn(3, 2, generator=random, dtype=torch.float64)
    factors = {"loadings": loadings, "factor_lookback": 4} if "factors" in kinds else {}
    return WindowLayout(lookback, 3, shift, norm, **factors)


def naive(panels: list[Panel], layout: WindowLayout) -> Moments:
    """The sums over windows, by loops over windows and channels."""
    x, y, f = designs(panels, layout)
    n_windows, n_channels, n_regressors = x.shape
    horizon, n_future = f.shape[2:]
    total = Moments(
        x.new_zeros(n_channels, n_regressors, n_regressors),
        x.new_zeros(n_channels, n_regressors, horizon),
        x.new_zeros(n_channels),
        x.new_zeros(n_channels, n_regressors, horizon, n_future),
        x.new_zeros(n_channels, n_future, n_future),
        x.new_zeros(n_channels, n_future),
        n_windows,
    )
    for t in range(n_windows):
        for c in range(n_channels):
            total.xx[c] += torch.outer(x[t, c], x[t, c])
            total.xy[c] += torch.outer(x[t, c], y[t, c])
            total.yy[c] += y[t, c] @ y[t, c]
            for h in range(horizon):
                total.xf[c, :, h] += torch.outer(x[t, c], f[t, c, h])
                total.ff[c] += torch.outer(f[t, c, h], f[t, c, h])
                total.fy[c] += f[t, c, h] * y[t, c, h]
    return total


def assert_equal(found: Moments, expected: Moments, tolerance: float = 1e-10) -> None:
    for field in fields(Moments):
        one, two = getattr(found, field.name), getattr(expected, field.name)
        if isinstance(one, Tensor):
            assert one.shape == two.shape, field.name
            largest = two.abs().max().item() if two.numel() else 0.0
            torch.testing.assert_close(
                one,
                two,
                rtol=0.0,
                atol=tolerance * largest,
                msg=lambda m, f=field: f"{f.name}: {m}",
            )
        else:
            assert one == two, field.name


@pytest.mark.parametrize("shift", [0, 2])
@pytest.mark.parametrize("lengths", [(40,), (40, 25, 12)], ids=["one series", "several"])
@pytest.mark.parametrize("kinds", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("norm", LINEAR_NORMS)
def test_equal_the_naive_products(
    norm: str,
    kinds: tuple[str, ...],
    lengths: tuple[int, ...],
    shift: int,
    make_panel: Callable[..., Panel],
) -> None:
    panels = [make_panel(n, kinds=kinds, seed=n) for n in lengths]
    layout = make_layout(kinds, norm, shift)
    expected = naive(panels, layout)
    assert_equal(block_moments(panels, layout, block=7), expected)
    if all(layout.recurs(panel) for panel in panels):
        assert_equal(window_moments(panels, layout), expected)
    else:
        assert norm == "revin"
        with pytest.raises(ValueError, match="block_moments"):
            window_moments(panels, layout)


@pytest.mark.parametrize("norm", LINEAR_NORMS)
def test_some_channels_are_those_of_all(norm: str, make_panel: Callable[..., Panel]) -> None:
    kinds = () if norm == "revin" else KINDS["all"]
    panels, layout = [make_panel(kinds=kinds)], make_layout(kinds, norm, 1)
    some, every = window_moments(panels, layout, slice(1, 3)), window_moments(panels, layout)
    assert_equal(some, Moments(**_channels(every, slice(1, 3))))


def _channels(moments: Moments, channels: slice) -> dict:
    parts = {f.name: getattr(moments, f.name) for f in fields(moments)}
    return {k: v if k == "n_windows" else v[channels] for k, v in parts.items()}


@pytest.mark.parametrize(("width_a", "width_b"), [(5, 5), (1, 6), (6, 1), (3, 7), (7, 3)])
def test_lagged_products(width_a: int, width_b: int) -> None:
    a, b = torch.randn(2, 30, dtype=torch.float64), torch.randn(2, 30, dtype=torch.float64)
    n_windows = 20
    expected = torch.zeros(2, width_a, width_b, dtype=torch.float64)
    for i in range(width_a):
        for j in range(width_b):
            for t in range(n_windows):
                expected[:, i, j] += a[:, t + i] * b[:, t + j]
    found = lagged_products(a, b, n_windows, width_a, width_b)
    torch.testing.assert_close(found, expected, rtol=0.0, atol=1e-12 * 30)


@pytest.mark.parametrize("width", [1, 2, 6])
def test_mixed_products_are_sums_of_lagged_products(width: int) -> None:
    x, weights = torch.randn(5, 30, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    expected = torch.einsum("nm,nij->mij", weights, lagged_products(x, x, 20, width, width))
    found = mixed_products(x, weights, 20, width)
    torch.testing.assert_close(found, expected, rtol=0.0, atol=1e-12 * 30)


def test_one_window() -> None:
    x = torch.tensor([[1.0], [2.0], [4.0]], dtype=torch.float64)
    moments = window_moments([Panel(x)], WindowLayout(2, 1))
    # regressors 1, 2 and the constant; target 4
    row = torch.tensor([1.0, 2.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(moments.xx[0], torch.outer(row, row))
    torch.testing.assert_close(moments.xy[0, :, 0], 4 * row)
    assert moments.yy.item() == pytest.approx(16)
    assert moments.n_windows == 1


def test_long_series_and_a_level_of_a_hundred_deviations() -> None:
    """What the recurrence sums up stays accurate over a long way."""
    random = torch.Generator().manual_seed(0)
    x = 100.0 + torch.randn(20_000, 1, generator=random, dtype=torch.float64)
    layout = WindowLayout(48, 12)
    x_rows, y_rows, _ = window_rows(Panel(x), layout).regressors()
    found = window_moments([Panel(x)], layout)
    expected = x_rows[0].T @ x_rows[0]
    torch.testing.assert_close(found.xx[0], expected, rtol=1e-10, atol=0.0)
    torch.testing.assert_close(found.xy[0], x_rows[0].T @ y_rows[0], rtol=1e-10, atol=0.0)


@pytest.mark.parametrize("norm", LINEAR_NORMS)
def test_window_regressors_equal_the_naive_rows(
    norm: str, make_panel: Callable[..., Panel]
) -> None:
    panel, layout = make_panel(kinds=KINDS["all"]), make_layout(KINDS["all"], norm, 2)
    expected = design(panel, layout)
    for one, two in zip(window_rows(panel, layout).regressors(), expected, strict=True):
        torch.testing.assert_close(one.transpose(0, 1), two)
    starts = torch.tensor([3, 17])
    some = window_rows(panel, layout, starts).regressors(slice(1, 2))
    for one, two in zip(some, expected, strict=True):
        torch.testing.assert_close(one.transpose(0, 1), two[starts][:, 1:2])


@pytest.mark.parametrize("kinds", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("norm", LINEAR_NORMS)
def test_residuals_are_those_of_the_forecasts(
    norm: str, kinds: tuple[str, ...], make_panel: Callable[..., Panel]
) -> None:
    panel, layout = make_panel(kinds=kinds), make_layout(kinds, norm, 1)
    x, y, f = design(panel, layout)
    weight = torch.randn(3, 3, x.shape[2], dtype=torch.float64)  # (C, H, p)
    future_weight = torch.randn(3, f.shape[3], dtype=torch.float64)
    expected = torch.empty_like(y)
    for c in range(3):
        expected[:, c] = y[:, c] - x[:, c] @ weight[c].T - f[:, c] @ future_weight[c]
    found = window_rows(panel, layout).residuals(weight, future_weight)
    torch.testing.assert_close(found.transpose(0, 1), expected)


@pytest.mark.parametrize("kinds", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("norm", LINEAR_NORMS)
def test_squared_error_is_that_of_the_forecasts(
    norm: str, kinds: tuple[str, ...], make_panel: Callable[..., Panel]
) -> None:
    panel, layout = make_panel(kinds=kinds), make_layout(kinds, norm, 1)
    x, y, f = design(panel, layout)
    weight = torch.randn(3, 3, x.shape[2], dtype=torch.float64)  # (C, H, p)
    future_weight = torch.randn(3, f.shape[3], dtype=torch.float64)
    expected = torch.zeros(3, dtype=torch.float64)
    for c in range(3):
        forecasts = x[:, c] @ weight[c].T + f[:, c] @ future_weight[c]  # (T, H)
        expected[c] = (y[:, c] - forecasts).square().sum()
    found = block_moments([panel], layout).squared_error(weight, future_weight)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=0.0)


def test_sums_over_channels(make_panel: Callable[..., Panel]) -> None:
    kinds = KINDS["all"]
    moments = window_moments([make_panel(kinds=kinds)], make_layout(kinds, "last", 1))
    weights = torch.randn(3, 4, dtype=torch.float64)
    mixed = moments.mixed(weights)
    for name in ("xx", "xy", "yy", "xf", "ff", "fy"):
        for m in range(4):
            expected = sum(weights[c, m] * getattr(moments, name)[c] for c in range(3))
            torch.testing.assert_close(getattr(mixed, name)[m], expected)
    assert mixed.n_windows == moments.n_windows
    some = [moments.mixed(weights[:, :1]), moments.mixed(weights[:, 1:])]
    assert_equal(mixed.channels(slice(1)), some[0], 1e-14)
    assert_equal(Moments.stacked(some), mixed, 1e-14)


def test_no_window_is_an_error(make_panel: Callable[..., Panel]) -> None:
    with pytest.raises(ValueError, match=r"spans 10 rows; the series has 9"):
        window_moments([make_panel(9)], WindowLayout(7, 3))


class TestMomentBank:
    @pytest.mark.parametrize("norm", LINEAR_NORMS)
    def test_pieces_that_fit_in_memory_add_up_to_the_same(
        self, norm: str, make_panel: Callable[..., Panel]
    ) -> None:
        kinds = () if norm == "revin" else KINDS["all"]
        panels = [make_panel(40, kinds=kinds), make_panel(20, kinds=kinds, seed=1)]
        layout = make_layout(kinds, norm, 1)
        expected = window_moments(panels, layout)
        for max_bytes in (1, 200_000, 2**30):
            pieces = MomentBank(panels, layout, max_bytes).pieces(layout)
            for _ in range(2):  # they can be iterated over again
                seen = 0
                for channels, piece in pieces:
                    assert channels.start == seen
                    seen = channels.stop
                    assert_equal(piece, Moments(**_channels(expected, channels)))
                assert seen == 3

    def test_pieces_are_bounded(self, make_panel: Callable[..., Panel]) -> None:
        layout = make_layout((), "none", 0)
        pieces = list(MomentBank([make_panel()], layout, 1).pieces(layout))
        assert [c for c, _ in pieces] == [slice(0, 1), slice(1, 2), slice(2, 3)]
        assert len(list(MomentBank([make_panel()], layout, 2**30).pieces(layout))) == 1

    def test_series_without_a_window_are_left_out(self, make_panel: Callable[..., Panel]) -> None:
        layout = make_layout((), "none", 0)
        bank = MomentBank([make_panel(40), make_panel(9)], layout, 2**30)
        assert bank.n_windows == 31
        ((_, moments),) = bank.pieces(layout)
        assert_equal(moments, window_moments([make_panel(40)], layout))

    @pytest.mark.parametrize("kinds", KINDS.values(), ids=KINDS.keys())
    @pytest.mark.parametrize("norm", LINEAR_NORMS)
    def test_sums_over_channels_are_those_of_the_channels(
        self, norm: str, kinds: tuple[str, ...], make_panel: Callable[..., Panel]
    ) -> None:
        panels = [make_panel(40, kinds=kinds), make_panel(20, kinds=kinds, seed=1)]
        layout = make_layout(kinds, norm, 1)
        weights = torch.randn(3, 5, dtype=torch.float64)
        expected = block_moments(panels, layout).mixed(weights[:, :4])
        for max_bytes in (1, 30_000, 2**30):
            for by_channel in (False, True):
                bank = MomentBank(panels, layout, max_bytes, weights, by_channel)
                for _ in range(2):
                    assert_equal(bank.mixed(layout, 4), expected)

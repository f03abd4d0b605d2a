"""The loss of linear networks from moments, against forecasts of every window."""

from typing import Any

import pytest
import torch
from torch import Tensor

from hyperforecast.darts.solving import quadratic_loss
from hyperforecast.darts.solving.quadratic_loss import mean_squared_error
from hyperforecast.nn.exact import ObservedSeries
from hyperforecast.nn.network import ForecastingNetwork
from hyperforecast.nn.one_map import as_one_map
from hyperforecast.nn.windows import WindowCutter

L, H, C = 6, 3, 4
PARTS: dict[str, Any] = {
    "shared": {},
    "individual": {"individual": {}},
    "generated": {"hn-mvts": {"channel_embedding_dim": 2}},
}


def make_network(parts: str = "shared", norm: str = "none", **options: Any) -> ForecastingNetwork:
    network = ForecastingNetwork(
        lookback=L,
        horizon=H,
        n_channels=C,
        backbone="dlinear",
        instance_norm=norm,
        standardised=True,
        parts=PARTS[parts],
        **options,
    )
    generator = torch.Generator().manual_seed(1)
    for parameter in network.parameters():
        parameter.data.copy_(torch.randn(parameter.shape, generator=generator))
    assert network.standardiser is not None
    network.standardiser.set_units("target", torch.arange(4.0) - 1, torch.arange(4.0) + 0.5)
    return network.double().eval()


def rows_of(n_rows: int, seed: int = 0, level: float = 2.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    steps = torch.randn(n_rows, C, generator=generator, dtype=torch.float64)
    return level + steps.cumsum(dim=0) / 3


def window_by_window(network: ForecastingNetwork, series: list[Tensor], shift: int) -> Tensor:
    errors = []
    for rows in series:
        for first in range(len(rows) - L - shift - H + 1):
            window = rows[first : first + L]
            target = rows[first + L + shift : first + L + shift + H]
            forecast = network(window[None])[0, ..., 0]
            errors.append((forecast - target).square().mean())
    return torch.stack(errors).mean()


def by_moments(network: ForecastingNetwork, series: list[Any], shift: int = 0) -> float | None:
    observed = [ObservedSeries(one) if isinstance(one, Tensor) else one for one in series]
    cutter = WindowCutter(L, H, shift, torch.float64)
    return mean_squared_error(as_one_map(network), observed, cutter)


@pytest.mark.parametrize("shift", [0, 2])
@pytest.mark.parametrize("norm", ["none", "last", "mean"])
@pytest.mark.parametrize("parts", PARTS)
def test_is_that_of_every_window(
    parts: str, norm: str, shift: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = make_network(parts, norm)
    series = [rows_of(90), rows_of(70, seed=1), rows_of(L + shift + H - 1)]  # the last has none
    expected = window_by_window(network, series[:2], shift).item()
    for piece_bytes in (quadratic_loss.PIECE_BYTES, 1):  # all channels at once, and one by one
        monkeypatch.setattr(quadratic_loss, "PIECE_BYTES", piece_bytes)
        assert by_moments(network, series, shift) == pytest.approx(expected, rel=1e-9)


def test_channels_with_the_same_weights_are_summed_up() -> None:
    network = make_network("individual")
    head: Any = network.head
    for name, values in head.named_parameters():
        if name.endswith("weight"):
            values.data[:] = values.data[:1].clone()
    linear = quadratic_loss.ErrorMap.of(as_one_map(network), shift=0)
    assert linear is not None
    assert len(linear.weight) == 1
    expected = window_by_window(network, [rows_of(60)], 0).item()
    assert by_moments(network, [rows_of(60)]) == pytest.approx(expected, rel=1e-9)


class TestNone:
    @pytest.mark.parametrize(
        "options",
        [
            {"norm": "revin"},
            {"n_past_covariates": 1},
            {"n_future_covariates": 1},
            {"n_static_covariates": 1},
            {"n_factors": 1},
            {"periods": [4]},
        ],
        ids=lambda options: next(iter(options)),
    )
    def test_where_forecasts_depend_on_more_than_a_linear_map(self, options: dict) -> None:
        assert by_moments(make_network(**options), [rows_of(90)]) is None

    def test_where_windows_are_few(self) -> None:
        few = [rows_of(2 * (L + H) - 2)]  # a window fewer than it has rows
        assert by_moments(make_network(), few) is None
        assert by_moments(make_network(), [rows_of(2 * (L + H) - 1)]) is not None
        assert by_moments(make_network("individual"), [rows_of(2 * (L + H) - 1)]) is None

    def test_where_windows_or_values_are_left_out(self) -> None:
        rows = rows_of(90)
        gaps = torch.zeros_like(rows, dtype=torch.bool)
        for one in (
            ObservedSeries(rows, gaps=gaps),
            ObservedSeries(rows, counts=torch.ones(len(rows), dtype=torch.bool)),
        ):
            assert by_moments(make_network(), [one]) is None

    def test_where_too_much_would_be_rounding(self) -> None:
        """Changes by the last value of a series whose level is all that float64 tells."""
        network = make_network(norm="last")
        assert by_moments(network, [rows_of(90, level=1e3)]) is not None
        assert by_moments(network, [rows_of(90, level=1e9)]) is None
        assert by_moments(network, [torch.full((90, C), torch.nan).double()]) is None

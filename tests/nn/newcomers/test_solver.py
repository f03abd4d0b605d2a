"""Places of new channels, found through a network."""

import pytest
import torch

from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.exact import ObservedSeries
from hyperforecast.nn.exact.windows.units import MeanDeviation
from hyperforecast.nn.newcomers import Adaptation, ChannelSolver, HistoryEncoder
from hyperforecast.nn.resizing import channel_axes, with_channels
from hyperforecast.nn.windows import WindowCutter

L, H, C = 8, 3, 5


def solver_of(**options: object) -> tuple[ForecastingNetwork, ChannelSolver]:
    """Return a network of known channels whose heads differ, and a solver for others."""
    torch.manual_seed(0)
    arguments = {
        "lookback": L,
        "horizon": H,
        "n_channels": C,
        "backbone": "nlinear",
        "parts": {"hn-mvts": {"channel_embedding_dim": 2}},
        **options,
    }
    network = ForecastingNetwork(**arguments).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(std=0.2)
        if network.factors is not None:
            network.factors.loadings.normal_()
    axes = channel_axes(arguments)
    larger = with_channels(network, axes, [*range(C), None], C)
    cutter = WindowCutter(L, network.horizon, 0, torch.float64)
    return network, ChannelSolver(larger, axes, C, cutter)


UNITS = MeanDeviation(torch.zeros(1).double(), torch.ones(1).double())


def test_rows_made_by_a_known_channel_bring_its_weights() -> None:
    """Each row is what the channel's weights say of the window before it, and noise."""
    network, solver = solver_of(horizon=1, instance_norm="none")
    network.eval()
    channel = 3
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(L, 1, generator=generator).double()
    with torch.no_grad():
        while len(values) < 200:
            window = values[-L:].T[..., None].expand(-1, -1, C)
            noise = torch.randn(1, 1, generator=generator).double()
            values = torch.cat([values, network(window)[:, :1, channel, 0] + noise])
    assert values.abs().max() < 100
    places = solver.spread.places
    start = solver.solve([], UNITS)[0]
    found = solver.solve([ObservedSeries(values)], UNITS, keeps_units=False)[0]
    from_start, left = (places[channel] - start).norm(), (places[channel] - found).norm()
    assert left < 0.5 * from_start


def test_windows_that_begin_before_the_first_row_are_filled_up_by_it() -> None:
    """Two rows are one window; more of the first row before them change nothing."""
    _, solver = solver_of()
    rows = torch.tensor([[1.0], [3.0]]).double()
    before = torch.ones(L - 1, 1).double()
    found = solver.solve([ObservedSeries(rows)], UNITS)
    assert not torch.allclose(found, solver.solve([], UNITS))
    weights = solver._filled_up(solver._open_ended(ObservedSeries(rows))).target
    expected = torch.cat([before, rows, torch.full((H - 1, 1), torch.nan)])
    torch.testing.assert_close(weights, expected, equal_nan=True)


def test_rows_that_are_all_the_same_say_nothing() -> None:
    _, solver = solver_of(instance_norm="none")
    found = solver.solve([ObservedSeries(torch.full((30, 1), 3.0).double())], UNITS)
    torch.testing.assert_close(found, solver.solve([], UNITS))


@pytest.mark.parametrize("instance_norm", ["none", "last"])
def test_one_map_of_window_and_factors_forecasts_as_the_network_does(instance_norm: str) -> None:
    generator = torch.Generator().manual_seed(1)
    rows = torch.randn(40, C + 1, generator=generator).double().cumsum(dim=0)
    by_map, by_network = (
        solver_of(n_factors=2, factor_lookback=4, instance_norm=instance_norm)[1] for _ in range(2)
    )
    by_network.__dict__["_map"] = None
    found, expected = (one.solve([ObservedSeries(rows)], UNITS) for one in (by_map, by_network))
    assert by_map._map is not None
    assert by_map._map.of_factors is not None
    torch.testing.assert_close(found, expected)
    others = rows.clone()
    others[:, :C] = others[:, :C].flip(0)
    assert not torch.allclose(by_map.solve([ObservedSeries(others)], UNITS), found)


@pytest.mark.parametrize("adaptation", ["solve", "encoder", "fine-tune"])
@pytest.mark.parametrize("instance_norm", ["none", "last"])
def test_channels_that_share_a_place_are_stretches_of_one(
    instance_norm: str, adaptation: Adaptation
) -> None:
    _, solver = solver_of(instance_norm=instance_norm)
    solver.encoder = HistoryEncoder(L, solver.spread.places)
    solver.encoder.own_weight = 0.1
    torch.nn.init.normal_(solver.encoder.layers[-1].weight)
    rows = torch.randn(40, 2, dtype=torch.float64).cumsum(dim=0)
    units = MeanDeviation.of([rows])
    in_units = (rows - units.mean) / units.deviation
    stretches = [ObservedSeries(in_units[:, [n]]) for n in range(2)]
    expected = solver.solve(stretches, UNITS, adaptation, keeps_units=False)
    together = ObservedSeries(in_units)
    both = MeanDeviation(*(one.expand(2) for one in UNITS))
    found = solver.solve([together], both, adaptation, keeps_units=False, shares_place=True)
    assert found.shape == (1, solver.spread.n_directions)
    torch.testing.assert_close(found, expected)
    apart = solver.solve([together], both, adaptation, keeps_units=False)
    assert not torch.allclose(found[0], apart[0], rtol=1e-3)
    assert not torch.allclose(found[0], apart[1], rtol=1e-3)


def test_where_channels_that_share_a_place_are_constant_they_say_nothing() -> None:
    _, solver = solver_of(instance_norm="none")
    units = MeanDeviation(torch.zeros(2).double(), torch.ones(2).double())
    constant = torch.full((30, 1), 3.0).double()
    rows = torch.cat([constant, torch.randn(30, 1).double()], dim=1)
    found = solver.solve([ObservedSeries(rows)], units, shares_place=True)
    alone = solver.solve([ObservedSeries(rows[:, 1:])], UNITS)
    torch.testing.assert_close(found, alone)
    both = ObservedSeries(constant.expand(-1, 2))
    start = solver.solve([], UNITS)
    torch.testing.assert_close(solver.solve([both], units, shares_place=True), start)

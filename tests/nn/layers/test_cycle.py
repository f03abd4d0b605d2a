"""Cycles in a network, against windows from which they were taken by hand."""

import pytest
import torch

from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.layers.cycle import Cycle, repeat_of

SIZES = {"lookback": 5, "horizon": 4, "n_channels": 3}
PHASE = torch.tensor([[4, 10], [0, 6]])


def filled(cycle: Cycle) -> Cycle:
    torch.manual_seed(1)
    for values in cycle.values:
        values.data.normal_()
    return cycle


def test_values_follow_the_phase() -> None:
    cycle = filled(Cycle([3, 2], 2))
    found = cycle(torch.tensor([4]), 3)  # phases 1, 2, 0 and 0, 1, 0
    three, two = cycle.values
    assert found.shape == (1, 2, 3)
    torch.testing.assert_close(found[0], three[:, [1, 2, 0]] + two[:, [0, 1, 0]])
    picked = cycle(torch.tensor([4]), 3, torch.tensor([[1, 1]]))
    torch.testing.assert_close(picked[0], found[0][[1, 1]])
    assert repeat_of([4, 6]) == 12
    assert repeat_of([]) == 1


@pytest.mark.parametrize("norm", ["none", "last", "revin"])
@pytest.mark.parametrize("standardised", [False, True])
@pytest.mark.parametrize("roles", [("location",), ("location", "scale")])
def test_windows_lose_their_cycle_and_forecasts_get_theirs(
    norm: str, standardised: bool, roles: tuple[str, ...]
) -> None:
    options = {"instance_norm": norm, "standardised": standardised, "output_roles": roles}
    covariates = {"n_past_covariates": 2, "n_future_covariates": 1}
    network = ForecastingNetwork(**SIZES, **options, **covariates, periods=[3, 7]).double().eval()
    for cycle in (network.cycle, network.past_cycle, network.future_cycle):
        filled(cycle)
    unit = 1.0
    if network.standardiser is not None:
        unit = torch.tensor([1.0, 2.0, 3.0]).double()
        network.standardiser.set_units("target", torch.ones(3), unit)
    plain = ForecastingNetwork(**SIZES, **options, **covariates).double().eval()
    plain.load_state_dict(
        {name: value for name, value in network.state_dict().items() if "cycle" not in name}
    )
    torch.manual_seed(0)
    past, seen = torch.randn(2, 5, 3).double(), torch.randn(2, 5, 2).double()
    ahead = torch.randn(2, 4, 1).double()
    found = network(past, seen, ahead, phase=PHASE)

    def over(cycle: Cycle, number: int, n_steps: int) -> torch.Tensor:  # (B, n, C)
        rows = [
            sum(values[:, (int(first) + step) % values.shape[1]] for values in cycle.values)
            for first in PHASE[:, number]
            for step in range(n_steps)
        ]
        return torch.stack(rows).unflatten(0, (2, n_steps))

    expected = plain(
        past - over(network.cycle, 0, 5) * unit,
        seen - over(network.past_cycle, 0, 5),
        ahead - over(network.future_cycle, 1, 4),
    )
    expected[..., 0] += over(network.cycle, 1, 4) * unit
    torch.testing.assert_close(found, expected)
    short = network(past, seen, ahead, phase=PHASE, n_steps=2)
    torch.testing.assert_close(short[:, :2], expected[:, :2])


def test_series_have_cycles_of_their_own() -> None:
    options = {"weights_by": "both", "n_series": 2, "instance_norm": "none"}
    network = ForecastingNetwork(**SIZES, **options, periods=[3]).eval()
    filled(network.cycle)
    assert network.cycle.values[0].shape == (6, 3)
    past, series = torch.zeros(2, 5, 3), torch.tensor([1, 0])
    without = torch.stack([network.cycle.values[0].reshape(2, 3, 3)[n] for n in (1, 0)])
    found, _ = network.normalise(past, torch.tensor([[3, 4, 5], [0, 1, 2]]), PHASE)
    steps = (PHASE[:, :1] + torch.arange(5)) % 3
    expected = -torch.stack([one[:, at] for one, at in zip(without, steps, strict=True)])
    torch.testing.assert_close(found, expected)
    assert network(past, series=series, phase=PHASE).shape == (2, 4, 3, 1)


def test_a_backbone_without_weights_has_none_by_its_cycle() -> None:
    assert ForecastingNetwork(**SIZES, periods=[3]).sites() == ForecastingNetwork(**SIZES).sites()


def test_without_periods_phases_change_nothing() -> None:
    network = ForecastingNetwork(**SIZES, periods=()).eval()
    past = torch.randn(2, 5, 3)
    torch.testing.assert_close(network(past, phase=PHASE), network(past))


def test_segments_and_fold() -> None:
    parts = {"mola": {"n_segments": 2}, "hn-mvts": {}}
    network = ForecastingNetwork(**SIZES, parts=parts, periods=[3]).eval()
    filled(network.cycle)
    past = torch.randn(2, 5, 3)
    whole = network(past, phase=PHASE)
    torch.testing.assert_close(network(past, phase=PHASE, n_steps=2), whole[:, :2])
    torch.testing.assert_close(network.fold()(past, phase=PHASE), whole)

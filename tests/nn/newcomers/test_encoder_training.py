"""How far what the encoder says is trusted, by channels that were left out."""

import torch
from torch import Tensor

from hyperforecast.nn.exact import ObservedSeries
from hyperforecast.nn.exact.windows.units import MeanDeviation
from hyperforecast.nn.newcomers import HistoryEncoder
from hyperforecast.nn.newcomers.encoder_training import Episode, _trust
from hyperforecast.nn.newcomers.quadratic_error import QuadraticError
from tests.nn.newcomers.test_solver import L, solver_of

UNITS = MeanDeviation(torch.zeros(1).double(), torch.ones(1).double())


def trust_of(parts: list[float], n_rows: int = 12) -> float:
    """Return the trust where channels' true places are given parts of the way to what is said."""
    _, solver = solver_of()
    torch.manual_seed(0)
    encoder = HistoryEncoder(L, solver.spread.places, torch.tensor([0.5, -1.0]).double())
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    episodes = []
    for number, part in enumerate(parts):
        rows = torch.randn(n_rows, 1).double()
        said = encoder.said([[rows[:, 0]]])[0]
        error = _noisy(encoder.start + part * (said - encoder.start), said - encoder.start)
        episodes.append(Episode(number, ObservedSeries(rows), UNITS, error))
    (found,) = _trust(encoder, solver, episodes).items()
    assert found[0] == n_rows
    return found[1]


def _noisy(place: Tensor, way: Tensor) -> QuadraticError:
    """Return the squared distance from a place in units of a way, and what no place forecasts."""
    about = QuadraticError.about(place)
    unit = way.square().sum()
    return QuadraticError(about.gram / unit, about.right / unit, about.total / unit + 0.1, 1)


def test_it_is_the_part_of_the_way_that_serves_channels_left_out() -> None:
    assert trust_of([1.0] * 6) == 1.0
    assert trust_of([0.6] * 6) == 0.6
    assert trust_of([0.0] * 6) == 0.0
    assert trust_of([-0.5] * 6) == 0.0


def test_one_channel_that_is_lost_weighs_more_than_several_that_gain() -> None:
    assert trust_of([1.0, 1.0, 1.0, -0.2]) == 0.0
    assert trust_of([1.0, 1.0, 1.0, 0.4]) > 0.4


def test_one_channel_proves_nothing() -> None:
    assert trust_of([1.0]) == 0.0

"""How far what the encoder says is trusted, by channels that were left out."""

import pytest
import torch
from torch import Tensor

from hyperforecast.nn.exact import ObservedSeries
from hyperforecast.nn.exact.windows.units import MeanDeviation
from hyperforecast.nn.newcomers import encoder_training
from hyperforecast.nn.newcomers.encoder_training import (
    Episode,
    _errors,
    _features,
    _said_of_left_out,
    _trust,
)
from hyperforecast.nn.newcomers.quadratic_error import QuadraticError
from tests.nn.newcomers.test_solver import solver_of

UNITS = MeanDeviation(torch.zeros(1).double(), torch.ones(1).double())


def trust_of(parts: list[float], n_rows: int = 12) -> float:
    """Return the trust where channels' true places are given parts of the way to what is said."""
    torch.manual_seed(0)
    start = torch.tensor([0.5, -1.0]).double()
    said = torch.randn(len(parts), 2).double()
    rows = ObservedSeries(torch.randn(n_rows, 1).double())
    episodes = [
        Episode(number, rows, UNITS, _noisy(start + part * (place - start), place - start))
        for number, (part, place) in enumerate(zip(parts, said, strict=True))
    ]
    (found,) = _trust(start, episodes, said).items()
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


def test_what_is_said_of_a_channel_is_learned_from_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Other errors of the two channels of one part change what is said of the others alone."""
    monkeypatch.setattr(encoder_training, "N_STEPS", 3)
    _, solver = solver_of()

    def said(place: float) -> Tensor:
        torch.manual_seed(0)
        episodes = []
        for number in range(2 * encoder_training.N_FOLDS):
            lies = place if number % encoder_training.N_FOLDS == 0 else 1.0
            error = QuadraticError.about(torch.full((2,), lies).double())
            rows = ObservedSeries(torch.randn(20, 1).double())
            episodes.append(Episode(number, rows, UNITS, error))
        return _said_of_left_out(solver, episodes, _features(solver, episodes))

    unchanged = (said(1.0) == said(-3.0)).all(dim=1)
    assert unchanged.tolist() == 2 * [True, False, False, False, False]


@pytest.mark.parametrize("options", [{}, {"n_factors": 2}], ids=["alone", "beside factors"])
def test_stretches_are_judged_side_by_side_as_one_by_one(options: dict[str, int]) -> None:
    _, solver = solver_of(**options)
    n_columns = 1 if not options else solver._first_new + 1
    stretches = [
        ObservedSeries(torch.randn(n_rows, n_columns).double().cumsum(dim=0))
        for n_rows in (30, 17, 30, 30)
    ]
    units = [MeanDeviation.of([one.target[:, -1:]]) for one in stretches]
    found = _errors(solver, stretches, units)
    places = torch.randn(3, solver.spread.n_directions).double()
    for one, unit, error in zip(stretches, units, found, strict=True):
        (expected,) = solver.errors([one], unit)
        torch.testing.assert_close(error(places), expected(places))

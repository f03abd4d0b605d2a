"""Numbers that are spread evenly."""

import pytest
import torch

from hyperforecast.nn.exact.uncertainty.spread import spread


@pytest.mark.parametrize(("length", "count"), [(1, 1), (7, 7), (7, 12)])
def test_all_are_taken_of_few(length: int, count: int) -> None:
    assert spread(length, count).tolist() == list(range(length))


@pytest.mark.parametrize(("length", "count"), [(100, 10), (96, 32), (4800, 200)])
def test_each_lies_in_a_stretch_of_its_own(length: int, count: int) -> None:
    stretches = spread(length, count) // (length // count)
    assert stretches.tolist() == list(range(count))


def test_none_is_taken_twice() -> None:
    found = spread(97, 64)
    assert (found.diff() > 0).all()
    assert 0 <= found[0] < found[-1] < 97


@pytest.mark.parametrize("season", [2, 7, 12, 24])
def test_every_phase_of_a_season_is_met(season: int) -> None:
    """Equal steps of 24 would meet one phase of each of these, or a few."""
    phases = torch.bincount(spread(24 * 480, 480) % season, minlength=season)
    assert phases.min() > 0.7 * 480 / season
    assert phases.max() < 1.3 * 480 / season

"""How far means of few rows are from the level, beside series that are drawn."""

import pytest
import torch

from hyperforecast.nn.newcomers.unknown_level import MOST, UnknownLevel, unseen_part

L = 12


def test_the_mean_of_white_noise_has_one_part_in_as_many_as_there_are_rows() -> None:
    found = [unseen_part(torch.zeros(2, L - 1), n) for n in (4, 40)]
    torch.testing.assert_close(found[0], torch.full((2,), 1 / 4).double())
    torch.testing.assert_close(found[1], torch.full((2,), 1 / 40).double())
    assert unseen_part(torch.zeros(1, L - 1), 1) == MOST


@pytest.mark.parametrize("n_rows", [6, 60])
def test_it_is_that_of_a_loop_over_all_pairs_of_rows(n_rows: int) -> None:
    """An autoregression's correlations go on beyond the lags that are known as it says."""
    memory = 0.8
    pairs = [memory ** abs(s - t) for s in range(n_rows) for t in range(n_rows)]
    known = memory ** torch.arange(1.0, L)[None].double()
    found = unseen_part(known, n_rows)
    torch.testing.assert_close(found, torch.tensor([sum(pairs) / n_rows**2]).double())


def test_what_swings_evens_out_beyond_the_lags_that_are_known() -> None:
    at_lags = torch.cos(0.5 * torch.arange(1.0, 14.0)).double()
    assert at_lags[-1] > 0.9
    n_rows = 200
    found = unseen_part(at_lags[None], n_rows).item()
    phase = torch.arange(n_rows).double()
    expected = (torch.exp(0.5j * phase).mean().abs() ** 2).item()
    assert abs(found - expected) < 0.03


def test_the_variance_of_the_mean_is_that_of_means_of_stretches() -> None:
    memory, n_rows = 0.9, 50
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(n_rows, 4000, generator=generator).double()
    values[0] /= (1 - memory**2) ** 0.5
    for t in range(1, n_rows):
        values[t] += memory * values[t - 1]
    part = unseen_part(memory ** torch.arange(1.0, L)[None].double(), n_rows)
    within = values.var(dim=0, correction=0).mean().item()
    level = UnknownLevel(torch.zeros(1), torch.zeros(1, 1), part, torch.tensor(within))
    expected = values.mean(dim=0).square().mean().item()
    assert level.variance_of_mean(torch.ones(1).double()).item() == pytest.approx(expected, rel=0.1)
    assert expected > 0.3 * within  # a mean of few rows is far off


def test_places_miss_what_they_do_not_gain() -> None:
    missed, slopes = torch.tensor([1.0, 0.5]), torch.tensor([[1.0, 2.0], [0.0, 1.0]])
    level = UnknownLevel(missed, slopes, torch.zeros(1), torch.ones(()))
    place = torch.tensor([0.5, 0.25])
    torch.testing.assert_close(level.errors(place), torch.tensor([0.0, 0.25**2]))

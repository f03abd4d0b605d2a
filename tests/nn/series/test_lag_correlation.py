"""Vectors of series that share no time axis, against loops."""

import pytest
import torch

from hyperforecast.nn.series.lag_correlation import (
    lag_correlation_embedding,
    lag_correlations,
    principal_components,
)

LENGTHS, NUMBERS = (30, 17, 50, 12), torch.tensor([0, 3, 1, 3])


def columns() -> list[torch.Tensor]:
    return [torch.randn(length, dtype=torch.float64) for length in LENGTHS]


def test_lag_correlations_are_products_of_each_series_stretches() -> None:
    stretches = columns()
    found = lag_correlations(stretches, NUMBERS, 4, 20)
    for number in range(4):
        own = [x for x, one in zip(stretches, NUMBERS, strict=True) if one == number]
        energy = sum(float(x @ x) for x in own) or 1.0
        for lag in range(1, 21):
            products = sum(float(x[:-lag] @ x[lag:]) for x in own if len(x) > lag)
            assert found[number, lag - 1].item() == pytest.approx(products / energy, abs=1e-12)


def test_lag_correlations_of_pieces_are_those_of_all_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stretches = columns()
    expected = lag_correlations(stretches, NUMBERS, 4, 20)
    monkeypatch.setattr("hyperforecast.nn.series.lag_correlation.PIECE", 1)
    torch.testing.assert_close(lag_correlations(stretches, NUMBERS, 4, 20), expected)


def test_series_of_two_kinds_are_at_two_places_whatever_their_scales_and_lengths() -> None:
    steps = torch.arange(400, dtype=torch.float64)
    kinds = torch.arange(10) % 2
    series = [10.0**n * torch.sin(steps[: 100 + 30 * n] / (1 + 2 * kinds[n])) for n in range(10)]
    vectors = lag_correlation_embedding(series, torch.arange(10), 10, 24, 1)[:, 0]
    assert (vectors[kinds == 0].mean() - vectors[kinds == 1].mean()).abs() > 1.9
    assert vectors[kinds == 0].std() + vectors[kinds == 1].std() < 0.1


def test_principal_components_tell_two_kinds_apart_and_leave_out_what_does_not_count() -> None:
    torch.manual_seed(0)
    kinds = torch.tensor([0, 1, 0, 1, 0, 1, 0])
    values = kinds[:, None] * torch.ones(1, 6) + 0.01 * torch.randn(7, 6)
    values[6] = 1e6
    weights = torch.tensor([1.0, 2.0, 3.0, 1.0, 1.0, 1.0, 0.0])
    scores = principal_components(values, weights, 2)[:, 0]
    assert scores[6] == 0.0
    assert torch.equal(scores[:6] > 0, kinds[:6] == kinds[scores.argmax()])


def test_components_beyond_the_rank_are_zero() -> None:
    scores = principal_components(torch.randn(3, 9), torch.ones(3), 4)
    assert scores.shape == (3, 4)
    assert (scores[:, 2:].abs() < 1e-3).all()

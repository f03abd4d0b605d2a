"""Vectors of channels that share no time axis, against loops."""

import torch
from own_windows_cases import N_CHANNELS, columns_of, stretches

from hyperforecast.nn.exact.own_embedding import lag_correlations, principal_components


def test_lag_correlations_are_products_of_each_channels_stretches() -> None:
    series = stretches()
    found = lag_correlations(series, N_CHANNELS, 20)
    for channel in range(N_CHANNELS):
        columns = [one.target[:, c] for one, c in columns_of(series, channel)]
        energy = sum(float(x @ x) for x in columns) or 1.0
        for lag in range(1, 21):
            products = sum(float(x[:-lag] @ x[lag:]) for x in columns)
            torch.testing.assert_close(found[channel, lag - 1].item(), products / energy)


def test_lag_correlations_of_pieces_are_those_of_all_at_once(monkeypatch) -> None:
    series = stretches()
    expected = lag_correlations(series, N_CHANNELS, 20)
    monkeypatch.setattr("hyperforecast.nn.exact.own_embedding.PIECE", 1)
    torch.testing.assert_close(lag_correlations(series, N_CHANNELS, 20), expected)


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

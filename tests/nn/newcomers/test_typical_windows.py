"""Windows made from correlations, beside the series that these are of."""

import torch

from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.newcomers import own_correlations
from hyperforecast.nn.newcomers.typical_windows import TypicalWindows

L = 6


def autoregressions(memories: list[float], n_rows: int = 4000) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(n_rows, len(memories), generator=generator, dtype=torch.float64)
    for t in range(1, n_rows):
        values[t] += torch.tensor(memories).double() * values[t - 1]
    return values


def test_correlations_are_those_of_a_loop() -> None:
    series = autoregressions([0.9, -0.5])
    network = ForecastingNetwork(lookback=L, horizon=2, n_channels=2)
    found = own_correlations(network, [1e9 + 1e3 * series])
    centred = series - series.mean(dim=0)
    for lag in range(1, L):
        expected = (centred[lag:] * centred[:-lag]).sum(dim=0) / centred.square().sum(dim=0)
        torch.testing.assert_close(found[:, lag - 1], expected, rtol=1e-4, atol=1e-5)


def test_stretches_of_a_series_and_gaps_count() -> None:
    series = autoregressions([0.8])
    gaps = series.clone()
    gaps[5] = torch.nan
    part = {"hn-mvts": {"channel_embedding_dim": 1}}
    network = ForecastingNetwork(
        lookback=L, horizon=2, n_channels=1, parts=part, weights_by="series", n_series=3
    )
    pieces = [series[:2000], -series[2000:], gaps[:1000]]
    found = own_correlations(network, pieces, [0, 0, 1])
    assert found.shape == (3, L - 1)
    torch.testing.assert_close(found[0], found[1], rtol=0.1, atol=0.1)
    assert not found[2].any()
    assert found.isfinite().all()


def test_all_windows_together_have_the_covariance_of_the_series() -> None:
    memory = 0.8 ** torch.arange(1.0, L).double()
    windows = TypicalWindows(torch.stack([memory, torch.zeros(L - 1)]), L)
    lags = (torch.arange(L)[:, None] - torch.arange(L)).abs()
    for channel, covariance in enumerate((0.8 ** lags.double(), torch.eye(L).double())):
        some = windows.of(torch.tensor([channel]))[0]
        torch.testing.assert_close(some.T @ some / L, covariance, rtol=0, atol=1e-6)


def test_fewer_windows_have_it_on_average() -> None:
    windows = TypicalWindows(torch.full((400, L - 1), 0.5), 2, torch.zeros(400, 1))
    some = windows.of(torch.arange(400)).flatten(0, 1)
    expected = torch.full((L, L), 0.5).fill_diagonal_(1.0).double()
    torch.testing.assert_close(some.T @ some / len(some), expected, rtol=0, atol=0.15)


def test_windows_of_all_are_correlated_as_channels_are() -> None:
    loadings = torch.tensor([[0.9], [0.9], [0.0]])
    windows = TypicalWindows(torch.zeros(3, L - 1), L, loadings)
    assert windows.together is not None
    values = windows.together.flatten(0, 1)
    expected = torch.eye(3).double()
    expected[0, 1] = expected[1, 0] = 0.81
    torch.testing.assert_close(values.T @ values / len(values), expected, rtol=0, atol=0.02)
    for channel in range(3):
        one = torch.tensor([channel])
        beside = windows.together[windows.beside(one)[0], :, channel]
        torch.testing.assert_close(beside, windows.of(one)[0], rtol=0, atol=1e-8)


def test_correlations_that_no_series_has_make_white_windows() -> None:
    windows = TypicalWindows(torch.tensor([[0.9, -0.9]]), 3)
    some = windows.of(torch.tensor([0]))[0]
    torch.testing.assert_close(some.T @ some / 3, torch.eye(3).double())

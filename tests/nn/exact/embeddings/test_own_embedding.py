"""Vectors of channels from their own ridge weights."""

import torch
from own_windows_cases import N_CHANNELS, stretches

from hyperforecast.nn.exact import ObservedSeries, WindowLayout
from hyperforecast.nn.exact.embeddings.own_embedding import own_ridge_embedding
from hyperforecast.nn.exact.moments.own_window_cache import OwnWindowCache


def embed(series: list[ObservedSeries], n_channels: int, dim: int) -> torch.Tensor:
    layout = WindowLayout(8, 3, 0, "last")
    moments = OwnWindowCache(series, layout, n_channels, 2**24).channel_moments(layout)
    return own_ridge_embedding(moments, layout.regressors(series[0]), dim)


def test_two_kinds_are_at_two_places_whatever_scales_and_lengths() -> None:
    noise = torch.randn(10, 400, dtype=torch.float64)
    series = []
    for n in range(10):
        x = torch.zeros(100 + 30 * n, dtype=torch.float64)
        for t in range(1, len(x)):
            x[t] = (0.9 if n % 2 else -0.9) * x[t - 1] + noise[n, t]
        series.append(ObservedSeries(10.0**n * x[:, None], channels=torch.tensor([n])))
    vectors = embed(series, 10, 1)[:, 0]
    assert (vectors[::2].mean() - vectors[1::2].mean()).abs() > 1.8
    assert vectors[::2].std() + vectors[1::2].std() < 0.4


def test_a_channel_without_windows_is_at_zero() -> None:
    vectors = embed(stretches(), N_CHANNELS, 2)
    assert (vectors[3] == 0).all()
    assert (vectors[[0, 1, 2, 4]] != 0).all()

"""Stretches of rows of channels that each have windows of their own."""

from collections.abc import Sequence

import torch

from hyperforecast.nn.exact import ObservedSeries

N_CHANNELS = 5
"""The last but one of which has no row."""


def stretch(
    n_rows: int, channels: Sequence[int], n_past: int = 0, n_future: int = 0, n_static: int = 0
) -> ObservedSeries:
    """Return a stretch of random rows of some channels."""

    def rows(count: int) -> torch.Tensor | None:
        return torch.randn(n_rows, count, dtype=torch.float64) if count else None

    target = torch.randn(n_rows, len(channels), dtype=torch.float64) + torch.tensor(channels)
    static = 0.1 * torch.arange(n_static) + torch.tensor(channels, dtype=torch.float64)[:, None]
    return ObservedSeries(
        target,
        rows(n_past),
        rows(n_future),
        static if n_static else None,
        channels=torch.tensor(channels),
    )


def stretches(n_long: int = 40, **covariates: int) -> list[ObservedSeries]:
    """Return stretches of one channel and of two, of several lengths."""
    parts = [(30, [0]), (n_long, [1]), (50, [0, 2]), (17, [1]), (25, [4])]
    return [stretch(n_rows, channels, **covariates) for n_rows, channels in parts]


def columns_of(series: Sequence[ObservedSeries], channel: int) -> list[tuple[ObservedSeries, int]]:
    """Return the stretches that have a channel, and in which of their columns."""
    return [
        (one, one.numbers.tolist().index(channel))
        for one in series
        if channel in one.numbers.tolist()
    ]

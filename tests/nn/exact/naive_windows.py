"""The regression that windows are, written out by loops."""

from collections.abc import Sequence

import torch
from torch import Tensor

from hyperforecast.nn.exact import ObservedSeries, WindowLayout
from hyperforecast.nn.layers.instance_norm import RevIN


def design(series: ObservedSeries, layout: WindowLayout) -> tuple[Tensor, Tensor, Tensor]:
    """Regressors (T, C, p), targets (T, C, H) and future covariates (T, C, H, F), by loops.

    Written from what the network computes, not from the solver's code: every quantity of a
    window is normalised, and what the network restores by is multiplied in again.
    """
    lookback, horizon = layout.lookback, layout.horizon
    xs, ys, fs = [], [], []
    for start in range(len(series.target) - layout.width + 1):
        back = slice(start + layout.unused, start + lookback)
        first = start + lookback + layout.shift
        ahead = slice(first, first + horizon)
        window = series.target[back].T  # (C, steps seen)
        n_channels = len(window)
        level, scale = torch.zeros(n_channels, 1), torch.ones(n_channels, 1)
        if layout.norm == "last":
            level = window[:, -1:]
        elif layout.norm in ("mean", "revin"):
            level = window.mean(dim=1, keepdim=True)
        if layout.norm == "revin":
            variance = (window - level).square().mean(dim=1, keepdim=True)
            scale = (variance + RevIN.epsilon).sqrt()
        normalised = (window - level) / scale
        columns = [normalised]
        if series.past is not None:
            columns.append(series.past[back].reshape(1, -1).expand(n_channels, -1))
        if layout.loadings is not None:
            recent = normalised[:, window.shape[1] - layout.factor_lookback :]
            factors = layout.loadings.T @ recent  # (K, lags)
            columns.append(factors.reshape(1, -1).expand(n_channels, -1))
        for neighbour in range(layout.n_neighbours):
            last = normalised[neighbour, window.shape[1] - layout.neighbour_steps :]
            columns.append(last.expand(n_channels, -1))
        if series.static is not None:
            columns.append(series.static)
        columns.append(torch.ones(n_channels, 1))
        xs.append(torch.cat([c.to(window) for c in columns], dim=1) * scale)
        ys.append(series.target[ahead].T - level)
        n_future = 0 if series.future is None else series.future.shape[1]
        future = torch.zeros(n_channels, horizon, n_future, dtype=window.dtype)
        if series.future is not None:
            future = series.future[ahead].expand(n_channels, -1, -1) * scale[:, :, None]
        fs.append(future)
    return torch.stack(xs), torch.stack(ys), torch.stack(fs)


def designs(
    several: Sequence[ObservedSeries], layout: WindowLayout
) -> tuple[Tensor, Tensor, Tensor]:
    """:func:`design` of several series, one after the other."""
    parts = zip(*(design(series, layout) for series in several), strict=True)
    x, y, f = (torch.cat(part) for part in parts)
    return x, y, f

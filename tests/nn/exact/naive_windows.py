"""The regression that windows are, written out by loops."""

from collections.abc import Sequence

import torch
from torch import Tensor

from hyperforecast.nn.exact import Panel, WindowLayout
from hyperforecast.nn.instance_norm import RevIN


def design(panel: Panel, layout: WindowLayout) -> tuple[Tensor, Tensor, Tensor]:
    """Regressors (T, C, p), targets (T, C, H) and future covariates (T, C, H, F), by loops.

    Written from what the network computes, not from the solver's code: every quantity of a
    window is normalised, and what the network restores by is multiplied in again.
    """
    lookback, horizon = layout.lookback, layout.horizon
    xs, ys, fs = [], [], []
    for start in range(len(panel.target) - layout.width + 1):
        back = slice(start, start + lookback)
        first = start + lookback + layout.shift
        ahead = slice(first, first + horizon)
        window = panel.target[back].T  # (C, L)
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
        if panel.past is not None:
            columns.append(panel.past[back].reshape(1, -1).expand(n_channels, -1))
        if layout.loadings is not None:
            recent = normalised[:, lookback - layout.factor_lookback :]
            factors = layout.loadings.T @ recent  # (K, lags)
            columns.append(factors.reshape(1, -1).expand(n_channels, -1))
        if panel.static is not None:
            columns.append(panel.static)
        columns.append(torch.ones(n_channels, 1))
        xs.append(torch.cat([c.to(window) for c in columns], dim=1) * scale)
        ys.append(panel.target[ahead].T - level)
        n_future = 0 if panel.future is None else panel.future.shape[1]
        future = torch.zeros(n_channels, horizon, n_future, dtype=window.dtype)
        if panel.future is not None:
            future = panel.future[ahead].expand(n_channels, -1, -1) * scale[:, :, None]
        fs.append(future)
    return torch.stack(xs), torch.stack(ys), torch.stack(fs)


def designs(panels: Sequence[Panel], layout: WindowLayout) -> tuple[Tensor, Tensor, Tensor]:
    """:func:`design` of several panels, one after the other."""
    parts = zip(*(design(panel, layout) for panel in panels), strict=True)
    x, y, f = (torch.cat(part) for part in parts)
    return x, y, f

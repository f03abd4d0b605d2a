"""Forecasters that are no network, called like one: windows (B, L, C) -> forecasts (B, H, C, 1)."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
import torch
from darts.models import LinearRegressionModel
from torch import Tensor, nn


class Repeated(nn.Module):
    """The last rows of a window over and over: one of them, or a season."""

    def __init__(self, n_rows: int, horizon: int) -> None:
        super().__init__()
        self.n_rows, self.horizon = n_rows, horizon

    def forward(self, past: Tensor) -> Tensor:
        """Repeat the last ``n_rows`` of windows."""
        times = -(-self.horizon // self.n_rows)
        return past[:, -self.n_rows :].repeat(1, times, 1)[:, : self.horizon, :, None]


class Regressed(nn.Module):
    """A linear regression of all steps on what is seen.

    Parameters
    ----------
    weight : Tensor, shape (H, C, R)
        R regressors: the rows of a window, oldest first, the channels of a row side by side, and
        then in the same order what is known of window and horizon.
    bias : Tensor, shape (H, C)
    by_channel : bool, default=False
        Whether each channel is a window of its own; then C is one.
    """

    def __init__(self, weight: Tensor, bias: Tensor, by_channel: bool = False) -> None:
        super().__init__()
        self.by_channel = by_channel
        self.register_buffer("weight", weight.float())
        self.register_buffer("bias", bias.float())

    @classmethod
    def of_darts(cls, model: LinearRegressionModel, horizon: int, by_channel: bool) -> Self:
        """Take over a regression of Darts, fitted on channels as series of their own or not."""
        regression: Any = model.model
        weight, bias = map(torch.as_tensor, (regression.coef_, regression.intercept_))
        return cls(weight.unflatten(0, (horizon, -1)), bias.view(horizon, -1), by_channel)

    def forward(self, past: Tensor, *known: Tensor) -> Tensor:
        """Forecast windows from their rows and what is known."""
        n_windows, _, n_channels = past.shape
        if self.by_channel:
            past = past.mT.flatten(0, 1)
            known = tuple(one.repeat_interleave(n_channels, dim=0) for one in known)
        seen = torch.cat([one.flatten(1) for one in (past, *known)], dim=1)
        forecast = torch.einsum("hcr,br->bhc", self.weight, seen) + self.bias
        if self.by_channel:
            forecast = forecast.view(n_windows, n_channels, -1).mT
        return forecast.unsqueeze(-1)


class Recursive(nn.Module):
    """A regression of the next step on the lags of each channel, called step by step.

    Parameters
    ----------
    predict : callable
        From lags (n, L), oldest first, and what is known of them and of the next step, to the next
        values (n,).
    horizon : int
    """

    def __init__(self, predict: Callable[[np.ndarray], np.ndarray], horizon: int) -> None:
        super().__init__()
        self.predict, self.horizon = predict, horizon

    def forward(self, past: Tensor, *known: Tensor) -> Tensor:
        """Forecast windows, each step from the lags and the steps before it."""
        n_windows, lookback, n_channels = past.shape
        rows = past.mT.reshape(-1, lookback).numpy().astype(np.float64)
        ahead = torch.cat(known or (past.new_empty(n_windows, lookback + self.horizon, 0),), dim=1)
        ahead = ahead.repeat_interleave(n_channels, dim=0).numpy()
        for step in range(self.horizon):
            told = ahead[:, step : step + lookback + 1].reshape(len(rows), -1)
            after = self.predict(np.hstack([rows[:, -lookback:], told]))
            rows = np.concatenate([rows, after[:, None]], axis=1)
        forecast = torch.from_numpy(rows[:, lookback:]).to(past.dtype)
        return forecast.unflatten(0, (n_windows, n_channels)).mT.unsqueeze(-1)

"""Forecasters that are no network, called like one: windows (B, L, C) -> forecasts (B, H, C, 1)."""

from collections.abc import Callable
from typing import Any

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
    """A linear regression of Darts, fitted on lags of the target alone.

    Parameters
    ----------
    model : LinearRegressionModel
        With one regression for all steps of its horizon.
    by_channel : bool
        Whether it was fitted on channels as series of their own.
    """

    def __init__(self, model: LinearRegressionModel, by_channel: bool) -> None:
        super().__init__()
        self.by_channel = by_channel
        regression: Any = model.model
        self.register_buffer("weight", torch.as_tensor(regression.coef_, dtype=torch.float32))
        self.register_buffer("bias", torch.as_tensor(regression.intercept_, dtype=torch.float32))

    def forward(self, past: Tensor) -> Tensor:
        """Forecast windows from their lags, oldest first, the channels of a step side by side."""
        if self.by_channel:
            return (past.mT @ self.weight.T + self.bias).mT.unsqueeze(-1)
        forecast = past.flatten(1) @ self.weight.T + self.bias
        return forecast.unflatten(1, (-1, past.shape[2])).unsqueeze(-1)


class Autoregressive(nn.Module):
    """A regression of all steps on the last values of all channels.

    Parameters
    ----------
    weight : Tensor, shape (H, C, lags·C)
    bias : Tensor, shape (H, C)
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight.float())
        self.register_buffer("bias", bias.float())

    def forward(self, past: Tensor) -> Tensor:
        """Forecast windows from their last rows."""
        n_regressors = self.weight.shape[2]
        last = past.flatten(1)[:, -n_regressors:]
        return (torch.einsum("hcr,br->bhc", self.weight, last) + self.bias).unsqueeze(-1)


class Recursive(nn.Module):
    """A regression of the next step on the lags of each channel, called step by step.

    Parameters
    ----------
    predict : callable
        From lags (n, L), oldest first, to the next values (n,).
    horizon : int
    """

    def __init__(self, predict: Callable[[np.ndarray], np.ndarray], horizon: int) -> None:
        super().__init__()
        self.predict, self.horizon = predict, horizon

    def forward(self, past: Tensor) -> Tensor:
        """Forecast windows, each step from the lags and the steps before it."""
        n_windows, lookback, n_channels = past.shape
        rows = past.mT.reshape(-1, lookback).numpy().astype(np.float64)
        for _ in range(self.horizon):
            ahead = self.predict(rows[:, -lookback:])
            rows = np.concatenate([rows, ahead[:, None]], axis=1)
        forecast = torch.from_numpy(rows[:, lookback:]).to(past.dtype)
        return forecast.unflatten(0, (n_windows, n_channels)).mT.unsqueeze(-1)

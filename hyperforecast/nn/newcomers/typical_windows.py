"""Windows as a channel has them, made from how it depends on its own past."""

from collections.abc import Sequence

import torch
from torch import Tensor

from hyperforecast.nn.correlation import largest_value, without_mean
from hyperforecast.nn.entities import n_rows, picked_rows
from hyperforecast.nn.lag_correlation import lag_correlations
from hyperforecast.nn.network import ForecastingNetwork

MAX_VALUES = 2**19
"""Values of training series from which correlations are estimated, the last of each."""

ROUNDING = 1e-9
"""Part of a window's variance that is added, so that its covariance is definite."""


def own_correlations(
    network: ForecastingNetwork, series: Sequence[Tensor], numbers: Sequence[int] | None = None
) -> Tensor:
    """Return how whatever has weights of its own depends on its own past, shape (N, L - 1).

    Parameters
    ----------
    network : ForecastingNetwork
    series : sequence of Tensor, each of shape (T_i, C)
        That it is trained on; NaN where values are missing.
    numbers : sequence of int, optional
        Numbers of these series, where weights are by series.

    Returns
    -------
    Tensor
        Correlations at lags 1 to ``lookback - 1``.
    """
    count = n_rows(network.weights_by, network.n_channels, network.n_series)
    of_series = torch.arange(network.n_channels).expand(len(series), -1)
    if network.weights_by != "channel":
        assert numbers is not None
        of_series = picked_rows(network.weights_by, torch.tensor(numbers), network.n_channels)
    most = max(4 * network.lookback, MAX_VALUES // (len(series) * network.n_channels))
    tables = [one[-most:].detach().to("cpu", torch.float64) for one in series]
    columns = [column for one in tables for column in _scaled(without_mean(one)).T]
    return lag_correlations(columns, of_series.flatten(), count, network.lookback - 1)


def typical_windows(correlations: Tensor, n_windows: int) -> Tensor:
    """Return windows of mean zero and variance one with given correlations, (N, n_windows, L).

    The mean of their products is the covariance of a stationary series, to rounding with L
    windows, and on average over what is drawn with fewer.

    Parameters
    ----------
    correlations : Tensor, shape (N, L - 1)
        At lags 1 to L - 1.
    n_windows : int
        At most L.
    """
    at_lags = torch.nn.functional.pad(correlations.double(), (1, 0), value=1.0)
    lookback = at_lags.shape[1]
    lags = torch.arange(lookback)
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(lookback, n_windows, generator=generator, dtype=torch.float64)
    directions = torch.linalg.qr(drawn).Q * lookback**0.5
    windows = []
    for one in at_lags:
        covariance = one[(lags[:, None] - lags).abs()]
        covariance.diagonal().add_(ROUNDING)
        factor, failed = torch.linalg.cholesky_ex(covariance)
        windows.append(((torch.eye(lookback).double() if failed else factor) @ directions).T)
    return torch.stack(windows)


def _scaled(values: Tensor) -> Tensor:
    """Return columns (T, C) in units of their largest value, whose squares have no bound."""
    largest = largest_value(values)
    return values / torch.where(largest > 0, largest, 1.0)

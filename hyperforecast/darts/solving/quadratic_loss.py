"""The squared error of a linear network over all windows of a series, from their moments."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from hyperforecast.nn.exact import ObservedSeries
from hyperforecast.nn.exact.moments.window_products import (
    lagged_products,
    offset_sums,
    summed_lagged_products,
)
from hyperforecast.nn.network import ForecastingNetwork
from hyperforecast.nn.windows import WindowCutter

MAX_ROUNDING = 1e-6
"""Part of an error up to which it may be rounding."""

ENOUGH = 4
"""How many times as many windows as a window has rows pay for the moments of every channel."""

PIECE_BYTES = 2**26
"""Memory that moments of channels may take at a time."""


@dataclass(frozen=True)
class ErrorMap:
    """Errors of a network as a linear map of each channel's window, (W,), and what it is to be.

    The error of channel c is ``weight[c] @ (x - mean[c]) + bias[c]``.

    Attributes
    ----------
    weight : Tensor, shape (C or 1, H, W)
        Of all W rows of a window, float64; one for all channels if there is one.
    bias : Tensor, shape (C, H)
    mean : Tensor, shape (C,)
    """

    weight: Tensor
    bias: Tensor
    mean: Tensor

    @classmethod
    def of(cls, network: ForecastingNetwork, shift: int) -> Self | None:
        """Return the map of a network as :func:`~hyperforecast.nn.one_map.as_one_map` returns it.

        Parameters
        ----------
        network : ForecastingNetwork
        shift : int
            Number of steps between lookback and horizon.

        Returns
        -------
        ErrorMap, optional
            ``None`` where forecasts are no linear map of each channel's window.
        """
        others = (
            network.past_covariate_map,
            network.future_covariate_map,
            network.static_covariate_map,
            network.factor_map,
            network.channel_offsets,
            network.cycle,
        )
        if network.standardiser is None or network.weights_by != "channel":
            return None
        if any(one is not None for one in others):
            return None
        head: Any = network.head
        weight = head.weight.detach().double().cpu()
        if weight.dim() == 2 or weight.eq(weight[0]).all():
            weight = weight.reshape(-1, *weight.shape[-2:])[:1]  # (1, H, L)
        if network.instance_norm is not None:
            level, scale = network.instance_norm.statistics(torch.eye(network.lookback).double())
            if scale is not None:
                return None
            weight = weight + (1 - weight.sum(dim=2, keepdim=True)) * level.T
        horizon = network.horizon
        aside = weight.new_zeros(len(weight), horizon, shift)
        target = torch.eye(horizon).to(weight).expand(len(weight), -1, -1)
        n_channels = range(network.n_channels)
        mean, _ = network.standardiser.units_of(n_channels)
        unit = network.standardiser.unit().double().cpu()  # (C, 1)
        bias = unit * head.bias.detach().double().cpu()
        return cls(torch.cat([weight, aside, -target], dim=2), bias, mean)

    def squared_error(self, rows: Tensor) -> tuple[float, float]:
        """Return the error over all windows of a series, summed, and how much of it is rounding.

        Parameters
        ----------
        rows : Tensor, shape (T, C)
        """
        width = self.weight.shape[2]
        n_windows = len(rows) - width + 1
        x = (rows - self.mean).T.contiguous()
        sums = offset_sums(x, n_windows, width)  # (C, W)
        error = n_windows * self.bias.square().sum().item()
        rounding = 0.0
        for weight, products, some in self._with_products(x, n_windows):
            linear = (weight @ sums[some, :, None]).squeeze(2)  # (n, H)
            error += ((weight @ products) * weight).sum().item()
            error += 2 * (linear * self.bias[some]).sum().item()
            size = products.diagonal(dim1=1, dim2=2).clamp(min=0).sqrt()
            rounding += (weight.abs() @ size.unsqueeze(2)).square().sum().item()
        return error, torch.finfo(x.dtype).eps * rounding

    def _with_products(self, x: Tensor, n_windows: int) -> Iterator[tuple[Tensor, Tensor, slice]]:
        """Yield weights with the products of the windows (W, W) of the channels that they are of.

        Summed over channels where these share their weights.
        """
        width = self.weight.shape[2]
        if len(self.weight) == 1:
            ones = x.new_ones(len(x), 1)
            yield self.weight, summed_lagged_products(x, ones, n_windows, width), slice(None)
            return
        step = max(1, PIECE_BYTES // (8 * width**2))
        for first in range(0, len(x), step):
            some = slice(first, first + step)
            own = x[some]
            yield self.weight[some], lagged_products(own, own, n_windows, width, width), some


def mean_squared_error(
    network: ForecastingNetwork, series: Sequence[ObservedSeries], cutter: WindowCutter
) -> float | None:
    """Return the mean squared error of a network's forecasts over all windows of series.

    Parameters
    ----------
    network : ForecastingNetwork
        As :func:`~hyperforecast.nn.one_map.as_one_map` returns it.
    series : sequence of ObservedSeries
    cutter : WindowCutter
        Of windows of the network's lookback and horizon.

    Returns
    -------
    float, optional
        ``None`` where it has no closed form, where windows are so few that forecasts of all take
        less time, and where too much of it would be rounding.
    """
    plain = all(one.gaps is None and one.counts is None for one in series)
    linear = ErrorMap.of(network, cutter.shift) if plain else None
    if linear is None:
        return None
    long = [one.target for one in series if one.n_rows >= cutter.width]
    n_windows = sum(len(rows) - cutter.width + 1 for rows in long)
    enough = 1 if len(linear.weight) == 1 else ENOUGH
    if n_windows < enough * cutter.width * len(long):
        return None
    error, rounding = 0.0, 0.0
    for rows in long:
        found = linear.squared_error(rows)
        error, rounding = error + found[0], rounding + found[1]
    if not rounding < MAX_ROUNDING * error:  # nor where values are not finite
        return None
    return error / (n_windows * linear.bias.numel())

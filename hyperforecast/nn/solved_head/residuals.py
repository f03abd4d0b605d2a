"""Residuals of a trained network's point forecasts, and quantiles of these as its outputs."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from hyperforecast.nn.exact import ObservedSeries
from hyperforecast.nn.exact.intervals.out_of_sample import OutOfSample, n_sampled_of, without_gaps
from hyperforecast.nn.exact.settings.residual_quantiles import ResidualQuantiles
from hyperforecast.nn.exact.uncertainty.spread import spread
from hyperforecast.nn.exact.uncertainty.volatility import compared_spans
from hyperforecast.nn.exact.windows.distinct_series import order_by_values
from hyperforecast.nn.exact.write_solution import write_quantiles
from hyperforecast.nn.layers.channel_offsets import ChannelOffsets, recent_variances
from hyperforecast.nn.network import ForecastingNetwork
from hyperforecast.nn.windows import WindowCutter


@torch.no_grad()
def network_residuals(
    network: ForecastingNetwork, cutter: WindowCutter, series: Sequence[ObservedSeries]
) -> OutOfSample:
    """Return the residuals of a network's point forecasts, of some windows evenly spread.

    Parameters
    ----------
    network : ForecastingNetwork
        In evaluation mode, all of whose offsets are zero.
    cutter : WindowCutter
    series : sequence of ObservedSeries
        Which it was not trained on.
    """
    starts = [cutter.starts(one) for one in series]
    counts = tuple(map(len, starts))
    share = n_sampled_of(network.n_channels, cutter.width) / max(1, sum(counts))
    spans = tuple(compared_spans(network.lookback))
    like = next(network.parameters())
    residuals, variances = [], []
    for number in order_by_values(series):
        one, count, every = series[number], counts[number], starts[number]
        if not count:
            continue
        some = every[spread(count, max(1, round(share * count)))]
        windows = cutter.cut(one, some)
        past, past_covariates, future_covariates, static = (
            None if values is None else values.to(like) for values in windows[:4]
        )
        assert past is not None
        phase = None if windows.phase is None else windows.phase.to(like.device)
        forecast = network(past, past_covariates, future_covariates, static, phase=phase)[..., 0]
        missed = _double(cutter.observed_target(one, some, windows)) - _double(forecast)
        missed = missed.mT / _double(network.output_scale(past, phase))  # (B, C, H)
        gaps = missed.isnan()
        missed = missed.transpose(0, 1)
        residuals.append(without_gaps(missed, gaps) if gaps.any() else missed)
        normalised, _ = network.normalise(past, phase=phase)
        variances.append(recent_variances(_double(normalised), spans).transpose(0, 1))
    return OutOfSample(torch.cat(residuals, dim=1), torch.cat(variances, dim=1), spans, counts)


def with_quantiles(
    network: ForecastingNetwork, arguments: dict[str, Any], quantiles: ResidualQuantiles
) -> dict[str, Any]:
    """Write quantiles into a network of a point head, and return its arguments."""
    spans = list(quantiles.volatility.spans)
    like = next(network.parameters())
    layer = ChannelOffsets(
        network.n_channels, network.horizon, len(network.output_roles), spans, trained=False
    )
    with torch.no_grad():
        write_quantiles(layer, quantiles)
    network.channel_offsets = layer.to(like)
    return {**arguments, "offset_spans": spans}


def without_quantiles(network: ForecastingNetwork) -> None:
    """Let all outputs of a network be its point forecast."""
    if network.channel_offsets is not None:
        network.channel_offsets.offsets.zero_()


def _double(values: Tensor) -> Tensor:
    # in this order: the network's device may not know the precision
    return values.cpu().double()

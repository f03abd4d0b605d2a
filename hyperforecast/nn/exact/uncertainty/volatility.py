"""How the spread of residuals follows what the window did of late."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hyperforecast.nn.exact.uncertainty.spread import spread
from hyperforecast.nn.exact.uncertainty.standard_error import MAX_BLOCKS, exceeds_standard_error

SHORTEST_SPAN, SPAN_RATIO = 3, 4
"""Spans that are compared: 3, 12, 48, ... values, and the whole window."""

SHARE_STEP, LEAST_CONSTANT = 1 / 8, 1 / 32
"""Share of the variance that is handed out at a time, and what stays whatever the window did."""

MAX_CHANNELS, MAX_STEPS, MAX_WINDOWS = 32, 4, 256
"""How many of each the comparison looks at."""

LEAST_GAIN = 0.002
"""Part of the pinball loss that each step has to save."""


@dataclass(frozen=True)
class Volatility:
    """The conditional scale of residuals, as :class:`ChannelOffsets` computes it.

    Attributes
    ----------
    spans : tuple of int
        J of them; none where the scale is one.
    constant : float
    coefficients : Tensor, shape (C, J)
    """

    spans: tuple[int, ...]
    constant: float
    coefficients: Tensor


def compared_spans(lookback: int) -> list[int]:
    """Return the spans whose variances are compared for windows of a length."""
    spans, span = [], SHORTEST_SPAN
    while span < lookback:
        spans.append(span)
        span *= SPAN_RATIO
    return [*spans, lookback] if lookback > 1 else []


def select_volatility(
    residuals: Tensor, variances: Tensor, spans: Sequence[int], levels: Tensor, n_apart: int
) -> tuple[Volatility, Tensor]:
    """Choose how the scale of residuals follows the windows' recent variances.

    Shares of the residuals' variance are handed to the variance of spans of recent values, a
    little at a time, to whichever lowers the pinball loss of scaled residual quantiles the most,
    as long as it falls by more than its standard error.

    Parameters
    ----------
    residuals : Tensor, shape (C, T, H)
        Of windows that were not trained on, in the order of time.
    variances : Tensor, shape (C, T, J)
        Of the last values of the windows.
    spans : sequence of int
        J numbers of values.
    levels : Tensor, shape (P,)
    n_apart : int
        Number of horizons that the windows span. With few of them the scale is constant.

    Returns
    -------
    Volatility
    Tensor, shape (C, T)
        The scales of the windows.
    """
    shares = residuals.new_zeros(len(spans))
    typical = variances.mean(dim=1, keepdim=True)  # (C, 1, J)
    inverse = torch.where(typical > 0, 1 / torch.where(typical > 0, typical, 1.0), 0.0)
    ratios = torch.where(typical > 0, variances * inverse, 1.0)
    if n_apart >= MAX_BLOCKS and len(spans):
        residuals, ratios_of_some = _some(residuals, ratios)
        order = torch.arange(residuals.shape[1], device=residuals.device)  # one after another
        alike = torch.zeros_like(order)
        shares = shares_of_variance(residuals, ratios_of_some, levels, order, alike, n_apart)
    used = shares.nonzero().flatten()
    constant = 1.0 - shares.sum().item()
    coefficients = (shares * inverse[:, 0])[:, used]
    scale = (constant + (variances[..., used] * coefficients[:, None]).sum(dim=-1)).sqrt()
    return Volatility(tuple(spans[n] for n in used.tolist()), constant, coefficients), scale


def shares_of_variance(
    residuals: Tensor, ratios: Tensor, levels: Tensor, times: Tensor, series: Tensor, n_apart: int
) -> Tensor:
    """Hand out shares of the variance as long as that gains clearly.

    Parameters
    ----------
    residuals : Tensor, shape (C, T, H)
    ratios : Tensor, shape (C, T, J)
        Recent variances of their windows, in units of their mean.
    levels : Tensor, shape (P,)
    times, series, n_apart
        See :func:`~hyperforecast.nn.exact.uncertainty.standard_error.standard_errors`.

    Returns
    -------
    Tensor, shape (J,)
    """
    shares = residuals.new_zeros(ratios.shape[-1])
    loss = _pinball(residuals, ratios, shares, levels)
    while (constant := 1.0 - shares.sum().item()) > LEAST_CONSTANT:
        steps = min(SHARE_STEP, constant / 2) * torch.eye(len(shares)).to(shares)
        tried = [(shares + one, _pinball(residuals, ratios, shares + one, levels)) for one in steps]
        more, lower = min(tried, key=lambda one: one[1].mean().item())
        gains = loss - lower
        clear = exceeds_standard_error(gains, times, series, n_apart)
        if not (clear and gains.mean() > LEAST_GAIN * loss.mean()):
            break
        shares, loss = more, lower
    return shares


def _some(residuals: Tensor, ratios: Tensor) -> tuple[Tensor, Tensor]:
    """Take some channels, windows and steps: (C, T, H) and (C, T, J)."""
    # by how much they change, so that the order of the channels says nothing
    order = ratios.square().mean(dim=(1, 2)).argsort().cpu()
    channels = order[spread(len(order), MAX_CHANNELS)][:, None, None]
    windows = spread(residuals.shape[1], MAX_WINDOWS)[:, None]
    steps = spread(residuals.shape[2], MAX_STEPS)
    return residuals[channels, windows, steps], ratios[channels[..., 0], windows[:, 0]]


def _pinball(residuals: Tensor, ratios: Tensor, shares: Tensor, levels: Tensor) -> Tensor:
    """Return the pinball losses (C, T) of scaled quantiles, in units of the mean residual."""
    scale = (1 + ((ratios - 1) * shares).sum(dim=-1)).clamp(min=0.0).sqrt()[..., None]
    scaled = residuals / scale
    quantiles = torch.quantile(scaled, levels, dim=1)  # (P, C, H)
    errors = residuals - quantiles[:, :, None] * scale
    weights = levels[:, None, None, None]
    losses = torch.maximum(weights * errors, (weights - 1) * errors).mean(dim=0)
    typical = residuals.abs().mean(dim=1, keepdim=True)
    return (losses / torch.where(typical > 0, typical, 1.0)).mean(dim=2)

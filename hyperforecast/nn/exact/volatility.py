"""How the spread of residuals follows what the window did of late."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from hyperforecast.nn.channel_offsets import recent_variances
from hyperforecast.nn.exact.spread import spread
from hyperforecast.nn.exact.standard_error import MAX_BLOCKS, exceeds_standard_error

SHORTEST_SPAN, SPAN_RATIO = 3, 4
"""Spans that are compared: 3, 12, 48, ... values, and the whole window."""

SHARE_STEP, LARGEST_SHARE = 0.125, 0.75
"""Shares of the variance that are tried, and what is left of it to the window's absence."""

MAX_CHANNELS, MAX_STEPS, MAX_WINDOWS = 32, 8, 256
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

    @classmethod
    def constant_scale(cls, like: Tensor) -> Self:
        """Return a scale of one."""
        return cls((), 1.0, like.new_zeros(len(like), 0))

    def scale(self, windows: Tensor) -> Tensor:
        """Return the scale of windows: (C, T, L) -> (C, T)."""
        if not self.spans:
            return windows.new_ones(windows.shape[:2])
        variances = recent_variances(windows, self.spans)
        return (self.constant + (variances * self.coefficients[:, None]).sum(dim=-1)).sqrt()


def select_volatility(
    residuals: Tensor, windows: Tensor, levels: Tensor, n_apart: int
) -> Volatility:
    """Choose how the scale of residuals follows the windows' recent variances.

    Shares of the residuals' variance are handed to the variance of spans of recent values, a
    little at a time, to whichever lowers the pinball loss of scaled residual quantiles the most,
    as long as it falls by more than its standard error.

    Parameters
    ----------
    residuals : Tensor, shape (C, T, H)
        Of windows that were not trained on.
    windows : Tensor, shape (C, T, L)
    levels : Tensor, shape (P,)
    n_apart : int
        Number of horizons that the windows span.
    """
    lookback = windows.shape[2]
    if n_apart < MAX_BLOCKS:
        return Volatility.constant_scale(residuals)
    spans = [span for span in _spans(lookback) if span <= lookback]
    variances = recent_variances(windows, spans)  # (C, T, J)
    typical = variances.mean(dim=1, keepdim=True)
    moves = typical > 0
    ratios = torch.where(moves, variances / torch.where(moves, typical, 1.0), 1.0)
    some = _spread_over(residuals, ratios)
    shares = residuals.new_zeros(len(spans))
    loss = _pinball(*some, shares, levels)
    while shares.sum() + SHARE_STEP <= LARGEST_SHARE:
        tried = []
        for number in range(len(spans)):
            more = shares.clone()
            more[number] += SHARE_STEP
            tried.append((more, _pinball(*some, more, levels)))
        more, lower = min(tried, key=lambda one: one[1].mean().item())
        gains = loss - lower
        enough = gains.mean() > LEAST_GAIN * loss.mean()
        if not (enough and exceeds_standard_error(gains, n_apart)):
            break
        shares, loss = more, lower
    used = shares.nonzero().flatten().tolist()
    if not used:
        return Volatility.constant_scale(residuals)
    inverse = torch.where(moves, 1 / torch.where(moves, typical, 1.0), 0.0)[:, 0]  # (C, J)
    return Volatility(
        tuple(spans[number] for number in used),
        1.0 - shares.sum().item(),
        (shares * inverse)[:, used],
    )


def _spans(lookback: int) -> list[int]:
    spans, span = [], SHORTEST_SPAN
    while span < lookback:
        spans.append(span)
        span *= SPAN_RATIO
    return [*spans, lookback] if lookback > 1 else []


def _spread_over(residuals: Tensor, ratios: Tensor) -> tuple[Tensor, Tensor]:
    """Take some channels, windows and steps: (C, T, H) and (C, T, J)."""

    channels = spread(residuals.shape[0], MAX_CHANNELS)[:, None, None]
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

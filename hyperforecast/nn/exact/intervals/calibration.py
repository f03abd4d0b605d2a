"""Quantiles of forecasts, calibrated on residuals of windows that were not trained on."""

import math
import warnings
from collections.abc import Sequence

import torch
from torch import Tensor

from hyperforecast.nn.exact.intervals.out_of_sample import OutOfSample
from hyperforecast.nn.exact.settings.problem import Problem
from hyperforecast.nn.exact.settings.residual_quantiles import ResidualQuantiles
from hyperforecast.nn.exact.uncertainty.effective_size import EffectiveSize
from hyperforecast.nn.exact.uncertainty.spread import spread
from hyperforecast.nn.exact.uncertainty.student_t import student_t_quantiles
from hyperforecast.nn.exact.uncertainty.volatility import select_volatility

PRIOR_SIZE = 32.0
"""Number of independent residuals, in a tail of interest, that weigh as much as what is pooled."""

SCALE_PRIOR = 4.0
"""Number of independent residuals whose scale weighs as much as the one that is pooled."""

MAX_RANKED = 4096
"""Most residuals that one quantile is taken of, or one of each channel where there are more."""

BANDWIDTH = 0.3
"""Of the smooth profile of scale over the logarithm of the steps ahead."""

NORMAL_MEAN_ABSOLUTE = math.sqrt(2 / math.pi)
"""Of a standard normal variable."""


def calibrate(sample: OutOfSample, problem: Problem) -> ResidualQuantiles:
    """Estimate the quantiles that a problem asks for.

    Warns
    -----
    UserWarning
        If a level lies beyond what the windows can tell.
    """
    residuals, shift = sample.residuals, problem.shift
    levels = torch.tensor(problem.quantiles).to(residuals)
    apart = sum(1 + (count - 1) / (shift + problem.horizon) for count in sample.counts)
    volatility, scale = select_volatility(
        residuals, sample.variances, sample.spans, levels, int(apart)
    )
    scaled = residuals / scale.unsqueeze(-1)
    unit = scaled / nonzero(_scale(scaled))[:, None]
    size = EffectiveSize.of(unit, sample.counts, shift)
    warn_beyond(problem.quantiles, size.of_windows)
    offsets = shrunk_quantiles(scaled, size, shift, levels)
    return ResidualQuantiles(
        around_zero(offsets, levels) if problem.centred else offsets, volatility
    )


def around_zero(quantiles: Tensor, levels: Tensor) -> Tensor:
    """Let the median be zero, and no lower quantile (..., P) above it or higher one below."""
    beside = torch.where(levels < 0.5, quantiles.clamp(max=0.0), quantiles.clamp(min=0.0))
    return torch.where(levels == 0.5, 0.0, beside)


def warn_beyond(levels: Sequence[float], n_windows: float) -> None:
    """Warn if levels lie beyond what a number of independent windows can tell."""
    outermost = min(min(level, 1 - level) for level in levels)
    needed = round(1 / outermost) - 1
    if n_windows >= needed:
        return
    warnings.warn(
        f"Quantiles from {min(levels):g} to {max(levels):g} take {needed} independent windows "
        f"or more to be told from data; the series hold about {n_windows:.0f}, counting those "
        "whose horizons do not overlap. The outermost quantiles are those of Student's t "
        "distribution with the scale of the residuals. Give longer series, or ask for a shorter "
        "horizon or for less extreme quantiles.",
        stacklevel=2,
    )


def shrunk_quantiles(residuals: Tensor, size: EffectiveSize, shift: int, levels: Tensor) -> Tensor:
    """Return the quantiles of residuals of each channel and step, pooled where there are few.

    A scale for each channel and step times a quantile of residuals of unit scale. The latter is
    Student's t quantile, drawn towards the empirical one of all residuals, towards that of the
    channel, and towards that of channel and step: each the more, the more independent residuals
    lie beyond it.

    Parameters
    ----------
    residuals : Tensor, shape (C, T, H)
    size : EffectiveSize
    shift : int
        Number of steps between a window's inputs and its horizon.
    levels : Tensor, shape (P,)

    Returns
    -------
    Tensor, shape (C, H, P)
    """
    raw = _scale(residuals)  # (C, H)
    scale = _pooled_scale(raw, size, shift)
    unit = residuals / nonzero(scale)[:, None]
    found = student_t_quantiles(levels, max(1.0, size.of_scale))
    of_channels = unit.flatten(1)
    # as many of each, so that the order of the channels says nothing
    of_all = _some(of_channels, -(-MAX_RANKED // len(unit))).flatten()
    for values, n in (
        (of_all[None, None], torch.tensor([size.of_all])),
        (_some(of_channels, MAX_RANKED)[:, None], torch.tensor([size.of_channel])),
        (_some(unit.mT, MAX_RANKED), size.of_steps),
    ):
        n = n.to(levels)[:, None]  # of each row of quantiles
        own = conformal_quantiles(values.sort(dim=-1).values, levels, n)
        found = found + trust(levels, n) * (own - found)
    return scale.unsqueeze(-1) * found


def _some(values: Tensor, count: int) -> Tensor:
    """Return as many of the last axis, or all if there are fewer."""
    return values[..., spread(values.shape[-1], count).to(values.device)]


def _scale(residuals: Tensor) -> Tensor:
    """Return the deviation that a normal variable of the same mean absolute value has: (C, H)."""
    return residuals.abs().mean(dim=1) / NORMAL_MEAN_ABSOLUTE


def _pooled_scale(raw: Tensor, size: EffectiveSize, shift: int) -> Tensor:
    """Draw the scale of each channel and step to a smooth profile over the steps: (C, H)."""
    kernel = smoothing_kernel(raw.shape[1], shift).to(raw)
    level = raw.mean(dim=1, keepdim=True)
    common = (raw / nonzero(level)).mean(dim=0)  # profile of all channels
    own = size.of_channel / (size.of_channel + SCALE_PRIOR)
    smooth = own * raw @ kernel.T + (1 - own) * level * (kernel @ common)
    alone = size.of_steps.to(raw) / (size.of_steps.to(raw) + SCALE_PRIOR)
    return alone * raw + (1 - alone) * smooth


def smoothing_kernel(horizon: int, shift: int) -> Tensor:
    """Return what smooths a profile over the logarithm of the steps ahead: (H, H)."""
    ahead = (shift + 1.0 + torch.arange(horizon, dtype=torch.float64)).log()
    kernel = torch.exp(-0.5 * ((ahead[:, None] - ahead) / BANDWIDTH).square())
    return kernel / kernel.sum(dim=1, keepdim=True)


def trust(levels: Tensor, n: Tensor) -> Tensor:
    """Return the weights of empirical quantiles of n independent values."""
    beyond = (n * torch.minimum(levels, 1 - levels) - 1).clamp(min=0.0)
    return beyond / (beyond + PRIOR_SIZE)


def conformal_quantiles(
    ordered: Tensor, levels: Tensor, n: Tensor, count: Tensor | None = None
) -> Tensor:
    """Return empirical quantiles that a next value exceeds as often as they say.

    The k-th of n independent values has a next one below it with probability k / (n + 1).

    Parameters
    ----------
    ordered : Tensor, shape (..., h, N)
        Ascending.
    levels : Tensor, shape (P,)
    n : Tensor, shape (..., h, 1)
        How many of the values are independent.
    count : Tensor, shape (..., h, 1), int64, optional
        How many of them there are, the first ones; all N if not given.

    Returns
    -------
    Tensor, shape (..., h, P)
    """
    if count is None:
        count = torch.full_like(ordered[..., :1], ordered.shape[-1], dtype=torch.int64)
    position = (levels + (levels - 0.5) / n) * count - 0.5  # (..., h, P)
    position = torch.minimum(position.clamp(min=0), (count - 1).clamp(min=0))
    lower = position.floor().long()
    upper = torch.minimum(lower + 1, (count - 1).clamp(min=0))
    below, above = ordered.gather(-1, lower), ordered.gather(-1, upper)
    return below + (position - lower) * (above - below)


def nonzero(scale: Tensor) -> Tensor:
    """Return scales by which can be divided: one where there is none."""
    return torch.where(scale > 0, scale, 1.0)

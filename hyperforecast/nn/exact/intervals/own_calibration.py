"""Quantiles of forecasts of channels that each have their own windows, many or few."""

import torch
from torch import Tensor

from hyperforecast.nn.exact.intervals.calibration import (
    MAX_RANKED,
    NORMAL_MEAN_ABSOLUTE,
    SCALE_PRIOR,
    around_zero,
    conformal_quantiles,
    nonzero,
    smoothing_kernel,
    trust,
    warn_beyond,
)
from hyperforecast.nn.exact.intervals.own_effective_size import OwnEffectiveSize
from hyperforecast.nn.exact.intervals.own_out_of_sample import OwnOutOfSample
from hyperforecast.nn.exact.settings.problem import Problem
from hyperforecast.nn.exact.settings.residual_quantiles import ResidualQuantiles
from hyperforecast.nn.exact.uncertainty.scale_prior import ScalePrior
from hyperforecast.nn.exact.uncertainty.spread import spread
from hyperforecast.nn.exact.uncertainty.standard_error import MAX_BLOCKS
from hyperforecast.nn.exact.uncertainty.student_t import student_t_quantiles
from hyperforecast.nn.exact.uncertainty.volatility import Volatility, shares_of_variance

MAX_STEPS, MAX_COMPARED = 4, 2048
"""How many steps and windows of all channels are looked at for how scales follow the window."""

TINY = 1e-30
"""Least mean of recent variances, in units of those of residuals."""

STEPS_OF_LOGARITHM = 16
"""In how many steps degrees of freedom grow by e where quantiles of Student's t are taken."""


def calibrate_own(sample: OwnOutOfSample, problem: Problem) -> ResidualQuantiles:
    """Estimate the quantiles that a problem asks for, as :func:`calibrate` does.

    A channel of few residuals borrows from all: its scale from the distribution of scales, the
    profile of scale over the steps and the shape of the distribution from what is common to them.
    One without any has those of the channels.

    Warns
    -----
    UserWarning
        If a level lies beyond what all windows together can tell.
    """
    levels = torch.tensor(problem.quantiles).to(sample.residuals)
    volatility, scale = _volatility(sample, levels, problem.horizon + problem.shift)
    scaled = sample.residuals / scale[..., None]
    level, profile = _level_and_profile(scaled, sample.known)
    unit = scaled / nonzero(level)[:, None, None] / nonzero(profile)
    size = OwnEffectiveSize.of(sample, unit, problem.shift)
    warn_beyond(problem.quantiles, size.of_windows)
    offsets = borrowed_quantiles(scaled, sample.known, size, problem.shift, levels)
    return ResidualQuantiles(
        around_zero(offsets, levels) if problem.centred else offsets, volatility
    )


def borrowed_quantiles(
    residuals: Tensor, known: Tensor, size: OwnEffectiveSize, shift: int, levels: Tensor
) -> Tensor:
    """Return the quantiles of residuals of each channel and step, of all channels where few.

    Parameters
    ----------
    residuals : Tensor, shape (C, K, H)
    known : Tensor, shape (C, K, H), bool
    size : OwnEffectiveSize
    shift : int
        Number of steps between a window's inputs and its horizon.
    levels : Tensor, shape (P,)

    Returns
    -------
    Tensor, shape (C, H, P)
    """
    raw = _mean_absolute(residuals, known)  # (C, H)
    level, common = _level_and_profile(residuals, known)
    own = raw / nonzero(level)[:, None]
    kernel = smoothing_kernel(raw.shape[1], shift).to(raw)
    by_channel = (size.of_channels / (size.of_channels + SCALE_PRIOR))[:, None]
    smooth = by_channel * own @ kernel.T + (1 - by_channel) * (kernel @ common)
    by_step = size.of_steps / (size.of_steps + SCALE_PRIOR)
    profile = by_step * own + (1 - by_step) * smooth

    prior = ScalePrior.of(level, size.of_scales)
    level, degrees = prior.posterior(level, size.of_scales)
    scale = level[:, None] * profile
    unit = residuals / nonzero(scale)[:, None]

    normal = torch.special.ndtri(levels)
    every = unit[known]
    every = every.sort().values[spread(len(every), MAX_RANKED).to(every.device)]
    n_all = levels.new_tensor([[size.of_all]])
    of_all = conformal_quantiles(every[None], levels, n_all)[0]
    shape = normal + trust(levels, n_all)[0] * (of_all - normal)
    # how much wider what is known of a scale by few residuals makes the distribution
    wider = _student_t(levels, degrees) / torch.where(normal == 0, 1.0, normal)
    found = (torch.where(normal == 0, 1.0, wider) * shape)[:, None]  # (C, 1, P)
    for values, there, n in (
        (unit.flatten(1)[:, None], known.flatten(1)[:, None], size.of_channels[:, None]),
        (unit.mT, known.mT, size.of_steps),
    ):
        own_ones = _known_quantiles(values, there, levels, n)
        found = found + trust(levels, n[..., None]) * (own_ones - found)
    return scale[..., None] * found


def _volatility(sample: OwnOutOfSample, levels: Tensor, reach: int) -> tuple[Volatility, Tensor]:
    """Choose how the scale of residuals follows the windows' recent variances, alike for all.

    Returns
    -------
    Volatility
    Tensor, shape (C, K)
        The scales of the windows.
    """
    there = sample.known.any(dim=2)  # (C, K)
    level, profile = _level_and_profile(sample.residuals, sample.known)
    inverse = _inverse_variances(sample, there, level)
    ratios = torch.where(inverse[:, None] > 0, sample.variances * inverse[:, None], 1.0)
    shares = levels.new_zeros(len(sample.spans))
    times, channel = sample.times[there], there.nonzero()[:, 0]
    n_apart = len(times.unique()) // reach
    if n_apart >= MAX_BLOCKS and len(shares):
        unit = (sample.residuals / nonzero(level)[:, None, None] / nonzero(profile))[there]
        # by time and by residual, so that the order of the channels says nothing
        order = unit.sum(dim=1).argsort()
        order = order[times[order].argsort(stable=True)]
        some = order[spread(len(times), MAX_COMPARED).to(times.device)]
        steps = spread(len(profile), MAX_STEPS).to(times.device)
        unit, ratios_of_some = unit[some][:, steps], ratios[there][some]
        shares = shares_of_variance(
            unit[None], ratios_of_some[None], levels, times[some], channel[some], n_apart
        )
    used = shares.nonzero().flatten()
    constant = 1.0 - shares.sum().item()
    coefficients = (shares * inverse)[:, used]
    scale = (constant + (sample.variances[..., used] * coefficients[:, None]).sum(dim=-1)).sqrt()
    spans = tuple(sample.spans[n] for n in used.tolist())
    return Volatility(spans, constant, coefficients), scale


def _inverse_variances(sample: OwnOutOfSample, there: Tensor, level: Tensor) -> Tensor:
    """Return one over the mean of each channel's recent variances: (C, J); zero of those that are.

    That of few windows is drawn to that of all channels, in units of their residuals' scales (C,).
    """
    n = there.sum(dim=1, keepdim=True).to(level)  # (C, 1)
    mean = (sample.variances * there[..., None]).sum(dim=1) / n.clamp(min=1.0)  # (C, J)
    size = (mean / nonzero(level.square())[:, None]).clamp(min=TINY).log()
    size = torch.where((mean > 0) & (level > 0)[:, None], size, torch.nan)
    common = (n * size).nansum(dim=0) / (n * ~size.isnan()).sum(dim=0).clamp(min=1.0)
    own = n / (n + SCALE_PRIOR)
    size = own * torch.where(size.isnan(), common, size) + (1 - own) * common
    known = level[level > 0]
    usual = known.log().mean().exp() if len(known) else level.new_ones(())
    power = torch.where((n[:, 0] > 0), level, usual).square()[:, None]  # of no window the usual one
    still = (power == 0) | ((n > 0) & (mean == 0))
    return torch.where(still, 0.0, 1 / (nonzero(power) * size.exp()))


def _mean_absolute(residuals: Tensor, known: Tensor) -> Tensor:
    """Return the deviation that normal variables of the same mean absolute values have: (C, H)."""
    sums = residuals.abs().sum(dim=1)
    return sums / known.sum(dim=1).clamp(min=1) / NORMAL_MEAN_ABSOLUTE


def _level_and_profile(residuals: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Return the scale of each channel (C,), and the profile of scale over the steps (H,)."""
    raw = _mean_absolute(residuals, known)
    level = raw.mean(dim=1)
    n = known.any(dim=2).sum(dim=1, keepdim=True) * (level > 0)[:, None]  # of windows
    profile = (n * raw / nonzero(level)[:, None]).sum(dim=0) / n.sum().clamp(min=1)
    return level, profile


def _student_t(levels: Tensor, degrees: Tensor) -> Tensor:
    """Return the quantiles of Student's t of each of many degrees of freedom: (C, P)."""
    rounded = (degrees.clamp(1.0, 1e6).log() * STEPS_OF_LOGARITHM).round()
    distinct, which = rounded.unique(return_inverse=True)
    found = [
        student_t_quantiles(levels, (one / STEPS_OF_LOGARITHM).exp().item()) for one in distinct
    ]
    return torch.stack(found)[which]


def _known_quantiles(values: Tensor, known: Tensor, levels: Tensor, n: Tensor) -> Tensor:
    """Return the conformal quantiles of what is known of values (C, h, N): (C, h, P).

    Parameters
    ----------
    values, known : Tensor, shape (C, h, N)
    levels : Tensor, shape (P,)
    n : Tensor, shape (C, h)
        How many of the values are independent.
    """
    some = spread(values.shape[-1], MAX_RANKED).to(values.device)
    values, known = values[..., some], known[..., some]
    ordered = torch.where(known, values, torch.inf).sort(dim=-1).values
    count = known.sum(dim=-1, keepdim=True)
    ordered = torch.where(count > 0, ordered, 0.0)
    return conformal_quantiles(ordered, levels, n[..., None].clamp(min=1.0), count)

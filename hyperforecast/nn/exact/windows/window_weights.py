"""How much windows of channels that each have their own count."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from hyperforecast.nn.exact.windows.layout import WindowLayout
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries
from hyperforecast.nn.exact.windows.step_weights import weights_ahead

TOLERANCE = 5e-7
"""How far weights may lie from a product of windows' and steps', relative to the largest: rounding
of single precision."""


def window_weights(series: Sequence[ObservedSeries], layout: WindowLayout) -> list[Tensor] | None:
    r"""Return how much each window of series counts.

    Weights of rows are those of windows and steps, :math:`w_{th}`. Where they are products
    :math:`a_t f_h`, every step has the minimum of the squared errors weighted by :math:`a_t` alone,
    since no step shares weights with others: if a series has one weight, if weights fall
    exponentially, if windows count or do not. Others, see :func:`steps_have_own_weights`, are as
    near to such products as by least squares of one factor, the other given.

    Parameters
    ----------
    series : sequence of ObservedSeries
        Each at least as long as a window.
    layout : WindowLayout

    Returns
    -------
    list of Tensor, shape (windows, C) each, optional
        ``None`` where all windows count the same.
    """
    if not any(one.is_weighted for one in series):
        return None
    return _factorised(series, layout).windows


def steps_have_own_weights(series: Sequence[ObservedSeries], layout: WindowLayout) -> bool:
    """Say whether it takes more than :func:`window_weights` to say what steps of windows count.

    Their weights are no products then, or steps that share the coefficients of future covariates
    do not all count the same.

    Parameters
    ----------
    series, layout
        As of :func:`window_weights`.
    """
    if not any(one.is_weighted for one in series):
        return False
    _, profile, apart = _factorised(series, layout)
    if apart > TOLERANCE or (profile.any() and not profile.all()):
        return True
    uneven = (profile - profile.mean()).abs().max() > TOLERANCE * profile.mean()
    return bool(series[0].n_future and uneven)


def step_weights(one: ObservedSeries, layout: WindowLayout) -> Tensor:
    """Return what the steps of all windows of a series count: (windows, C, H)."""
    n_windows = layout.n_windows(one)
    ahead = weights_ahead(one, layout)
    if one.counts is not None:
        ahead = ahead * one.counts[:n_windows, None, None].to(ahead)
    return ahead.expand(-1, one.n_channels, -1)


class _Factorised(NamedTuple):
    """Weights of windows and of steps (H,), and how far their products are from what is.

    The last relative to the largest weight of a window and a step.
    """

    windows: list[Tensor]
    profile: Tensor
    apart: float


def _factorised(series: Sequence[ObservedSeries], layout: WindowLayout) -> _Factorised:
    of_steps = [step_weights(one, layout) for one in series]
    profile = torch.stack([one.sum(dim=(0, 1)) for one in of_steps]).sum(dim=0)
    if not profile.any():
        return _Factorised([one[..., 0] for one in of_steps], profile, 0.0)
    profile = profile / profile.mean()
    weights = [one @ profile / profile.square().sum() for one in of_steps]
    missed = [
        (steps - some[..., None] * profile).abs().max().item()
        for steps, some in zip(of_steps, weights, strict=True)
    ]
    return _Factorised(weights, profile, max(missed) / max(one.max().item() for one in of_steps))

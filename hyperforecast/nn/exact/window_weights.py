"""How much windows count, where all steps of a window count alike."""

from collections.abc import Sequence

import torch
from torch import Tensor

from hyperforecast.nn.exact.layout import WindowLayout
from hyperforecast.nn.exact.observed_series import ObservedSeries

TOLERANCE = 5e-7
"""How far weights may lie from a product of windows' and steps', relative to the largest: rounding
of single precision."""


def window_weights(series: Sequence[ObservedSeries], layout: WindowLayout) -> list[Tensor] | None:
    r"""Return how much each window of series counts.

    Weights of rows are those of windows and steps, :math:`w_{th}`. Where they are products
    :math:`a_t f_h`, every step has the minimum of the squared errors weighted by :math:`a_t` alone,
    since no step shares weights with others: if a series has one weight, if weights fall
    exponentially, if windows count or do not.

    Parameters
    ----------
    series : sequence of ObservedSeries
        Each at least as long as a window.
    layout : WindowLayout

    Returns
    -------
    list of Tensor, shape (windows, C) each, optional
        ``None`` where all windows count the same.

    Raises
    ------
    ValueError
        If steps of a window count differently, otherwise than the same steps of all others do; if
        they count differently at all where future covariates have coefficients that steps share.
    """
    if not any(one.is_weighted for one in series):
        return None
    weights, profile, apart = _factorised(series, layout)
    obstacle = _obstacle(series, profile, apart)
    if obstacle is not None:
        raise ValueError(
            f"There is no closed form where channels have windows of their own: {obstacle}. Give "
            "other weights, or train by gradients: solver='adam'."
        )
    return weights


def weights_obstacle(series: Sequence[ObservedSeries], layout: WindowLayout) -> str | None:
    """Say what about the weights of series :func:`window_weights` has no way to take, if anything.

    Parameters
    ----------
    series, layout
        As of :func:`window_weights`.
    """
    _, profile, apart = _factorised(series, layout)
    return _obstacle(series, profile, apart)


def _obstacle(series: Sequence[ObservedSeries], profile: Tensor, apart: float) -> str | None:
    if apart > TOLERANCE:
        return (
            "sample weights make the steps of a window count differently (not so one weight for "
            "each series, nor weights that fall exponentially)"
        )
    if profile.any() and not profile.all():
        return "sample weights of some steps of the horizon are zero in every window"
    if series[0].n_future and (profile - profile.mean()).abs().max() > TOLERANCE * profile.mean():
        return "sample weights make later steps count differently, which share future covariates"
    return None


def _factorised(
    series: Sequence[ObservedSeries], layout: WindowLayout
) -> tuple[list[Tensor], Tensor, float]:
    """Return weights of windows and of steps (H,), and how far their products are from what is.

    Relative to the largest weight of a window and a step.
    """
    of_steps = [_of_steps(one, layout) for one in series]
    profile = torch.stack([one.sum(dim=(0, 1)) for one in of_steps]).sum(dim=0)
    if not profile.any():
        return [one[..., 0] for one in of_steps], profile, 0.0
    profile = profile / profile.mean()
    weights = [one @ profile / profile.square().sum() for one in of_steps]
    missed = [
        (steps - some[..., None] * profile).abs().max().item()
        for steps, some in zip(of_steps, weights, strict=True)
    ]
    return weights, profile, max(missed) / max(one.max().item() for one in of_steps)


def _of_steps(one: ObservedSeries, layout: WindowLayout) -> Tensor:
    """Return the weights of the windows and steps of a series: (windows, C, H)."""
    n_windows = layout.n_windows(one)
    rows = one.target.new_ones(one.n_rows, 1) if one.weight is None else one.weight
    ahead = rows.unfold(0, layout.width, 1)[..., layout.targets]
    if one.counts is not None:
        ahead = ahead * one.counts[:n_windows, None, None].to(ahead)
    return ahead.expand(-1, one.n_channels, -1)

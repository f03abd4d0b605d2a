"""Moments of windows that do not all count the same, by visiting every window."""

from collections.abc import Sequence

import torch
from torch import Tensor

from hyperforecast.nn.exact.moments.moments import Moments
from hyperforecast.nn.exact.windows.design_matrix import design_matrix
from hyperforecast.nn.exact.windows.layout import WindowLayout
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries


def weighted_moments(
    series: Sequence[ObservedSeries],
    weights: Sequence[Tensor],
    layout: WindowLayout,
    channels: slice = slice(None),
    block: int = 256,
) -> Moments:
    """Return sums over windows in which each counts by its weight.

    Parameters
    ----------
    series : sequence of ObservedSeries
    weights : sequence of Tensor, shape (windows,) each
        Not negative; for each series, in the order of time.
    layout : WindowLayout
    channels : slice
        Which channels to return; factors are always made of all.
    block : int, default=256
        Number of windows visited at a time.
    """
    total: Moments | None = None
    for one, weight in zip(series, weights, strict=True):
        # a weighted square is the square of what is multiplied by the root of the weight
        for starts in torch.arange(layout.n_windows(one)).split(block):
            root = weight[starts].sqrt()[:, None]
            x, y, f = design_matrix(one, layout, starts).rows(channels)
            moments = Moments.of_rows(x * root, y * root, f * root[..., None])
            total = moments if total is None else total + moments
    if total is None:
        raise ValueError("No series to take moments of.")
    return total

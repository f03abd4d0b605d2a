"""Moments by visiting every window, for what has no recurrence."""

from collections.abc import Sequence

import torch

from hyperforecast.nn.exact.design_matrix import design_matrix
from hyperforecast.nn.exact.layout import WindowLayout
from hyperforecast.nn.exact.moments import Moments
from hyperforecast.nn.exact.observed_series import ObservedSeries


def block_moments(
    series: Sequence[ObservedSeries],
    layout: WindowLayout,
    channels: slice = slice(None),
    block: int = 1024,
) -> Moments:
    """Return the same as :func:`window_moments` by visiting every window, in blocks.

    Slower, for what has no recurrence: RevIN together with covariates or factors, whose
    regressors are multiplied by each window's deviation.
    """
    total: Moments | None = None
    for one in series:
        n_windows = layout.n_windows(one)
        for start in range(0, n_windows, block):
            stop = min(start + block, n_windows)
            rows = one.rows(start, stop + layout.width - 1)
            x, y, f = design_matrix(rows, layout).rows(channels)
            moments = Moments(
                x.mT @ x,
                x.mT @ y,
                y.square().sum(dim=(1, 2)),
                torch.einsum("ntp,nthf->nphf", x, f),
                torch.einsum("nthf,nthg->nfg", f, f),
                torch.einsum("nthf,nth->nf", f, y),
                stop - start,
            )
            total = moments if total is None else total + moments
    if total is None:
        raise ValueError("No series to take moments of.")
    return total

"""Vectors of channels that share no time axis, from weights that each would have alone."""

import torch
from torch import Tensor

from hyperforecast.nn.exact.moments.moments import ChannelMoments
from hyperforecast.nn.exact.regressions.batched_ridge import BatchedRidge
from hyperforecast.nn.exact.windows.regressors import CONSTANT, PENALISED, Regressors
from hyperforecast.nn.series.lag_correlation import principal_components

RIDGE = 3.0
"""Ridge of the channels' own weights, in units of each one's equations: a strong one, because
vectors are to tell what most windows of a channel say."""


def own_ridge_embedding(
    moments: ChannelMoments,
    regressors: Regressors,
    embedding_dim: int,
    attributes: Tensor | None = None,
) -> Tensor:
    """Embed channels by the principal components of their own ridge weights.

    Weights are compared by what they forecast: in the metric of the mean of all channels'
    moments. Every channel counts by its windows; one without windows is at zero.

    Parameters
    ----------
    moments : iterable of (slice, Moments)
        Of C channels.
    regressors : Regressors
        Of each channel; vectors tell own lags apart, and those of common factors.
    embedding_dim : int
    attributes : Tensor, shape (C, S), optional
        What of the weights is linear in them is left out.

    Returns
    -------
    Tensor, shape (C, embedding_dim)
    """
    weights, counts, total = [], [], None
    for _, chunk in moments:
        places = torch.arange(regressors.total, device=chunk.xx.device)
        lags = torch.cat([places[regressors.own], places[regressors.factors]])
        sums = chunk.xx[:, lags][..., lags].sum(dim=0)
        total = sums if total is None else total + sums
        weights.append(BatchedRidge(chunk, regressors).solve(RIDGE).weight[:, :, PENALISED])
        counts.append(chunk.xx[:, CONSTANT, CONSTANT])
    assert total is not None
    size = total.diagonal().mean()
    values, vectors = torch.linalg.eigh(total / torch.where(size > 0, size, 1.0))
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    rows = (torch.cat(weights)[..., lags] @ root).flatten(1)  # (C, H·L)
    n_windows = torch.cat(counts)
    if attributes is not None:
        known = torch.cat([torch.ones_like(attributes[:, :1]), attributes], dim=1)
        weighted = known * n_windows[:, None]
        rows = rows - known @ (torch.linalg.pinv(weighted.T @ known) @ (weighted.T @ rows))
    return principal_components(rows, n_windows, embedding_dim)

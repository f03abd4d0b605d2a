"""What channel vectors start from: how channels move together, or how each of them moves."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor

from hyperforecast.nn.exact.linear_algebra import damped_cholesky
from hyperforecast.nn.exact.moments.moment_cache import MomentCache
from hyperforecast.nn.exact.moments.moments import ChannelMoments
from hyperforecast.nn.exact.regressions.channel_regression import ChannelRegression
from hyperforecast.nn.exact.windows.layout import WindowLayout
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries
from hyperforecast.nn.exact.windows.regressors import CONSTANT, PENALISED
from hyperforecast.nn.series.correlate import correlate
from hyperforecast.nn.series.correlation import correlation_embedding
from hyperforecast.nn.series.eigenvectors import fix_signs, leading_eigenvectors

MAX_LAGS, MAX_STEPS = 96, 12
"""Numbers of lags and of steps ahead that tell how a channel moves; more tell the same."""

RIDGE = 0.1
"""Of each channel's own weights, in units of its equations."""

NOTHING = 1e-12
"""Part of the largest eigenvalue below which another is rounding."""


def correlation_start(
    series: Sequence[ObservedSeries], layout: WindowLayout, dim: int, max_bytes: int
) -> Tensor:
    """Return the principal components of the channels' correlation, (C, dim)."""
    targets = [one.known for one in series]
    return correlation_embedding(targets, dim).to(targets[0])


def autocorrelation_start(
    series: Sequence[ObservedSeries], layout: WindowLayout, dim: int, max_bytes: int
) -> Tensor:
    """Return the principal components of the channels' autocorrelations, (C, dim)."""
    n_lags = min(layout.lookback, MAX_LAGS) + min(layout.horizon, MAX_STEPS)
    return principal_vectors(autocorrelations([one.target for one in series], n_lags), dim)


def weight_start(
    series: Sequence[ObservedSeries], layout: WindowLayout, dim: int, max_bytes: int
) -> Tensor:
    """Return the principal components of the channels' own ridge weights, (C, dim).

    Of their last ``MAX_LAGS`` own lags, and of the first ``MAX_STEPS`` steps of the horizon.
    """
    own = [ObservedSeries(one.target) for one in series]
    lookback, horizon = min(layout.lookback, MAX_LAGS), min(layout.horizon, MAX_STEPS)
    near = WindowLayout(lookback, horizon, layout.shift)
    moments = MomentCache(own, near, max_bytes).channel_moments(near)
    return principal_vectors(own_weights(moments, own[0].n_channels), dim)


StartOf = Callable[[Sequence[ObservedSeries], WindowLayout, int, int], Tensor]
"""Makes the channel vectors (C, E) of standardised series, windows' sizes, a length E and the bytes
that moments may take."""

EMBEDDING_STARTS: Mapping[str, StartOf] = MappingProxyType(
    {
        "correlation": correlation_start,
        "weights": weight_start,
        "autocorrelation": autocorrelation_start,
    }
)
"""What channel vectors may start from, by name."""

VectorsOf = Callable[[str], Tensor]
"""Gives the channel vectors (C, E) by the name of what they start from."""


class EmbeddingStarts:
    """Channel vectors by what they start from, each made when it is first asked for.

    Parameters
    ----------
    series : sequence of ObservedSeries
        Standardised.
    layout : WindowLayout
        Its lookback, horizon and shift count.
    dim : int
        Length E of the vectors; the first entries of longer ones are the shorter ones.
    max_bytes : int, default=2**28
        Memory that moments may take.
    """

    def __init__(
        self,
        series: Sequence[ObservedSeries],
        layout: WindowLayout,
        dim: int,
        max_bytes: int = 2**28,
    ) -> None:
        self._series = series
        self._max_bytes = max_bytes
        self._layout = layout
        self._dim = dim
        self._made: dict[str, Tensor] = {}

    def __call__(self, start: str) -> Tensor:
        """Return the vectors, (C, E)."""
        if start not in self._made:
            make = EMBEDDING_STARTS[start]
            self._made[start] = make(self._series, self._layout, self._dim, self._max_bytes)
        return self._made[start]


def principal_vectors(features: Tensor, dim: int) -> Tensor:
    """Return the leading principal components of features (n, p), shape (n, dim).

    The mean square of the first one is 1, that of the others is as their share of the variance is
    to that of the first; columns beyond the features' rank are zero. Signs are fixed.
    """
    n, width = features.shape
    features = features - features.mean(dim=0)
    vectors = features.new_zeros(n, dim)
    count = min(dim, n, width)
    if not count or not features.any():
        return vectors
    if n <= width:
        values, leading = leading_eigenvectors(features @ features.T, count)
        leading = leading * values.clamp(min=0).sqrt()
    else:
        values, rotation = leading_eigenvectors(features.T @ features, count)
        leading = features @ rotation
    present = values > NOTHING * values[0]
    vectors[:, :count] = torch.where(present, leading, 0.0) * (n / values[0]).sqrt()
    return fix_signs(vectors)


def autocorrelations(series: Sequence[Tensor], n_lags: int) -> Tensor:
    """Return the autocorrelations (C, n_lags) of channels at lags 1 to ``n_lags``.

    Parameters
    ----------
    series : sequence of Tensor, each of shape (T_i, C)
        Each is centred on its own means; lags that one is too short for are left out in it.
    n_lags : int
    """
    total = series[0].new_zeros(series[0].shape[1], 1 + n_lags)
    for rows in series:
        x = (rows - rows.mean(dim=0)).T
        n_found = min(1 + n_lags, len(rows))
        padded = torch.nn.functional.pad(x, (0, n_found - 1))
        total[:, :n_found] += correlate(x, padded, n_found)
    squares = total[:, :1]
    return total[:, 1:] / torch.where(squares > 0, squares, 1.0)


def own_weights(moments: ChannelMoments, n_channels: int) -> Tensor:
    """Return each channel's own ridge weights in the metric of all channels' lags, (C, H·p).

    The squared distance of two rows is the mean square by which forecasts of the two weights
    differ over the windows of all channels.

    Parameters
    ----------
    moments : iterable of (slice, Moments)
        Of C channels; the last of their regressors is the constant.
    n_channels : int
    """
    gram: Tensor | None = None
    for _, chunk in moments:
        corner = chunk.xx[:, CONSTANT, PENALISED]
        level = corner[:, :, None] * corner[:, None] / chunk.xx[:, CONSTANT, CONSTANT, None, None]
        centred = (chunk.xx[:, PENALISED, PENALISED] - level).sum(dim=0)
        gram = centred if gram is None else gram + centred
    assert gram is not None
    if not gram.any():
        return gram.new_zeros(n_channels, 1)
    factor, _ = damped_cholesky(gram, torch.zeros_like(gram[0]))
    one_each = torch.eye(n_channels).to(gram)
    weight = ChannelRegression(moments, one_each).solve(RIDGE).weight[..., PENALISED]
    return (weight @ factor).flatten(1)

"""Vectors of channels that share no time axis, from how each depends on its own past."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hyperforecast.nn.eigenvectors import fix_signs
from hyperforecast.nn.exact.observed_series import ObservedSeries
from hyperforecast.nn.exact.window_products import PIECE


def lag_correlations(series: Sequence[ObservedSeries], n_channels: int, n_lags: int) -> Tensor:
    """Return each channel's correlations with its own past, at lags 1 to ``n_lags``.

    Parameters
    ----------
    series : sequence of ObservedSeries
        Stretches of rows of channels, each centred on the channel's mean.
    n_channels, n_lags : int

    Returns
    -------
    Tensor, shape (n_channels, n_lags)
        Zero of channels without rows, and of lags beyond all of a channel's stretches.
    """
    columns = [column for one in series for column in one.target.T]
    number = torch.cat([one.numbers for one in series])
    longest = max(map(len, columns))
    size = 1 << (longest + n_lags).bit_length()
    total = columns[0].new_zeros(n_channels, n_lags + 1)
    step = max(1, PIECE // size)
    for first in range(0, len(columns), step):
        some = slice(first, first + step)
        rows = nn.utils.rnn.pad_sequence(columns[some], batch_first=True)  # (n, T)
        products = torch.fft.irfft(torch.fft.rfft(rows, size).abs().square(), size)
        total.index_add_(0, number[some], products[:, : n_lags + 1])
    energy = total[:, :1]
    return total[:, 1:] / torch.where(energy > 0, energy, 1.0)


def principal_components(values: Tensor, weights: Tensor, n_components: int) -> Tensor:
    """Return the leading principal components of rows, in units of their deviations.

    Parameters
    ----------
    values : Tensor, shape (n, m)
    weights : Tensor, shape (n,)
        How much each row counts, not negative; one that does not count is at zero.
    n_components : int

    Returns
    -------
    Tensor, shape (n, n_components)
        Columns beyond the rank are zero.
    """
    counts = (weights > 0).to(values)
    mean = (weights[:, None] * values).sum(dim=0) / weights.sum().clamp(min=1e-300)
    centred = (values - mean) * counts[:, None]
    _, singular, directions = torch.linalg.svd(
        weights.sqrt()[:, None] * centred, full_matrices=False
    )
    present = singular > 1e4 * torch.finfo(singular.dtype).eps * singular[:1]
    scores = centred @ directions[present][:n_components].T
    deviation = scores.square().mean(dim=0).sqrt()
    scores = fix_signs(scores / torch.where(deviation > 0, deviation, 1.0))
    return nn.functional.pad(scores, (0, n_components - scores.shape[1]))

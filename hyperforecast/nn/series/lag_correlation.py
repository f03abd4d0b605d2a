"""Vectors of series that share no time axis, from how each depends on its own past."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hyperforecast.nn.series.correlate import correlate
from hyperforecast.nn.series.eigenvectors import fix_signs

PIECE = 2**20
"""Number of values of series that are transformed at a time."""


def lag_correlation_embedding(
    columns: Sequence[Tensor], numbers: Tensor, n_rows: int, n_lags: int, embedding_dim: int
) -> Tensor:
    """Embed series by the principal components of their correlations with their own past.

    Every series counts by its length.

    Parameters
    ----------
    columns, numbers, n_rows, n_lags
        As of :func:`lag_correlations`.
    embedding_dim : int
        Number E of components kept.

    Returns
    -------
    Tensor, shape (n_rows, E)
    """
    correlations = lag_correlations(columns, numbers, n_rows, n_lags)
    lengths = correlations.new_tensor([len(column) for column in columns])
    counts = correlations.new_zeros(n_rows).index_add(0, numbers, lengths)
    return principal_components(correlations, counts, embedding_dim)


def lag_correlations(
    columns: Sequence[Tensor], numbers: Tensor, n_rows: int, n_lags: int
) -> Tensor:
    """Return the correlations of series with their own past, at lags 1 to ``n_lags``.

    Parameters
    ----------
    columns : sequence of Tensor, each of shape (T_i,), float64
        Stretches of rows of series, each centred on the mean of the series.
    numbers : Tensor, shape (number of columns,), int64
        Of which series each is.
    n_rows : int
        Number of series.
    n_lags : int

    Returns
    -------
    Tensor, shape (n_rows, n_lags)
        Zero of series without rows, and of lags beyond all of a series' stretches.
    """
    total = columns[0].new_zeros(n_rows, n_lags + 1)
    step = max(1, PIECE // max(1, *map(len, columns)))
    for first in range(0, len(columns), step):
        some = slice(first, first + step)
        rows = nn.utils.rnn.pad_sequence(list(columns[some]), batch_first=True)  # (n, T)
        total.index_add_(0, numbers[some], correlate(rows, rows, n_lags + 1))
    energy = total[:, :1]
    return total[:, 1:] / torch.where(energy > 0, energy, 1.0)


def principal_components(values: Tensor, weights: Tensor, n_components: int) -> Tensor:
    """Return the leading principal components of rows, in units of the first one's deviation.

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
    if scores.shape[1]:
        scores = fix_signs(scores / scores[:, 0].square().mean().sqrt())
    return nn.functional.pad(scores, (0, n_components - scores.shape[1]))

"""The structure of channels in their correlation."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from hyperforecast.nn.series.eigenvectors import fix_signs, leading_eigenvectors


def without_mean(values: Tensor) -> Tensor:
    """Return series (..., T, C) less their means; zero where they are NaN."""
    gaps = values.isnan()
    if not gaps.any():
        return values - values.mean(dim=-2, keepdim=True)
    return torch.where(gaps, 0.0, values - values.nanmean(dim=-2, keepdim=True))


def largest_value(values: Tensor) -> Tensor:
    """Return the largest absolute values of series (..., T, C), those not NaN: (..., C)."""
    return values.abs().nan_to_num(nan=0.0, posinf=torch.inf).amax(dim=-2)


def of_each(function: Callable[[Tensor], Tensor], series: Sequence[Tensor]) -> list[Tensor]:
    """Apply to each series (T_i, C) what takes several (S, T, C) of one length at a time."""
    by_length: dict[int, list[int]] = {}
    for i, one in enumerate(series):
        by_length.setdefault(len(one), []).append(i)
    results: dict[int, Tensor] = {}
    for places in by_length.values():
        together = function(torch.stack([series[i] for i in places]))
        results.update(zip(places, together, strict=True))
    return [results[i] for i in range(len(series))]


def correlation_embedding(series: Sequence[Tensor], embedding_dim: int) -> Tensor:
    """Embed channels by the PCA of their Pearson correlation matrix.

    The inner product of two channels' vectors is the best rank-``embedding_dim`` approximation of
    their correlation.

    Parameters
    ----------
    series : sequence of Tensor, each of shape (T_i, C)
        Training series. Each is centred on its own means, so levels that differ between series
        do not count as correlation. What is NaN counts for nothing.
    embedding_dim : int
        Number E of leading eigenvectors kept.

    Returns
    -------
    Tensor, shape (C, E), float64
        Eigenvectors times the square root of their eigenvalues; the largest entry of each column
        is positive. A constant channel, whose correlation is undefined, is at zero, and so are
        columns beyond the rank of the correlation matrix.
    """
    centred = []
    squares = torch.zeros(series[0].shape[1], dtype=torch.float64)
    noise = torch.zeros_like(squares)
    for values in series:
        values = values.detach().to("cpu", torch.float64)  # (T, C)
        deviations = without_mean(values)
        centred.append(deviations)
        squares += deviations.square().sum(dim=0)
        # what rounding alone leaves of a constant channel
        noise += len(values) * (largest_value(values) * 1e-10).square()
    varies = squares > noise
    scale = torch.where(varies, squares, 1.0).rsqrt() * varies  # (C,)
    rows = sum(len(deviations) for deviations in centred)

    if squares.numel() <= rows:
        correlation = sum(d.T @ d for d in centred) * scale[:, None] * scale  # (C, C)
        count = min(embedding_dim, len(correlation))
        eigenvalues, leading = leading_eigenvectors(correlation, count)
        present = eigenvalues > 1e-12 * eigenvalues[:1]
        leading = leading * torch.where(present, eigenvalues, 0.0).sqrt()
    else:  # fewer rows than channels: the eigenvectors come from the (T, T) Gram matrix
        standardised = torch.cat(centred) * scale  # (T, C)
        eigenvalues, rotations = torch.linalg.eigh(standardised @ standardised.T)
        vectors = standardised.T @ rotations
        vectors = torch.where(eigenvalues > 1e-12 * eigenvalues[-1], vectors, 0.0)
        leading = vectors.flip(1)[:, :embedding_dim]

    if leading.shape[1] < embedding_dim:
        leading = nn.functional.pad(leading, (0, embedding_dim - leading.shape[1]))
    return fix_signs(leading) if embedding_dim else leading

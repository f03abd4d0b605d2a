"""The standard error of a gain on validation."""

import math

import torch
from torch import Tensor

MAX_BLOCKS = 8
"""Number of blocks of validation time, where they are long enough."""

MIN_CHANNELS = 6
"""Number of channels, of all series together, from which the standard error over them counts."""


def exceeds_standard_error(gains: Tensor, times: Tensor, series: Tensor, n_apart: int) -> bool:
    """Say whether the mean gain is more than one standard error, any of :func:`standard_errors`."""
    gain = gains.mean().item()
    return any(gain > error for error in standard_errors(gains, times, series, n_apart))


def standard_errors(gains: Tensor, times: Tensor, series: Tensor, n_apart: int) -> list[float]:
    """Return the standard errors of a mean gain that the windows tell.

    That over consecutive blocks of time, where there are two, and that over channels, where there
    are six; exceeding either counts, for with few windows only the channels can tell.

    Parameters
    ----------
    gains : Tensor, shape (C, T)
        Of single windows.
    times : Tensor, shape (T,), int64
        When each window begins. A block holds the windows of all series that begin in it, so
        that what befalls them at the same time counts once.
    series : Tensor, shape (T,), int64
        Which series each window is of. The channels of every series count apart.
    n_apart : int
        Number of horizons that the windows span. Blocks are no shorter than the horizon where
        that leaves two, so that few targets are in several.
    """
    replicates = [_block_means(gains, times, n_apart)]
    if len(gains) * len(series.unique()) >= MIN_CHANNELS:
        replicates.append(_channel_means(gains, series))
    return [means.std().item() / math.sqrt(len(means)) for means in replicates if len(means) > 1]


def exceeds_error_over_time(gains: Tensor, times: Tensor, n_apart: int) -> bool:
    """Say whether the mean gain is more than its standard error over blocks of time alone.

    That is asked where channels are no further evidence, since what is gained befalls all of them
    at the same time. One block tells nothing.

    The last windows of a block and the first of the next forecast the same steps, so of blocks as
    long as the horizon the error is up to a fifth too small. Corrected, it refused models that were
    better, see docs/automatic.md.

    Parameters
    ----------
    gains, times, n_apart
        See :func:`standard_errors`.
    """
    means = _block_means(gains, times, n_apart)
    if len(means) == 1:
        return False
    return gains.mean().item() > means.std().item() / math.sqrt(len(means))


def _block_means(gains: Tensor, times: Tensor, n_apart: int) -> Tensor:
    """Return the mean gain in each block of time, (blocks,)."""
    distinct = times.unique()  # ascending
    n_blocks = max(1, min(MAX_BLOCKS, max(2, n_apart), len(distinct) // 2))
    blocks = [(b[0] <= times) & (times <= b[-1]) for b in distinct.tensor_split(n_blocks)]
    return torch.stack([gains[:, block].mean() for block in blocks])


def _channel_means(gains: Tensor, series: Tensor) -> Tensor:
    """Return the mean gain of each channel of each series, (channels,)."""
    _, number, counts = series.unique(return_inverse=True, return_counts=True)
    sums = gains.new_zeros(len(gains), len(counts)).index_add(1, number, gains)
    return (sums / counts).flatten()

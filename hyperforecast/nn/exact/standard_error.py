"""The standard error of a gain on validation."""

import math

import torch
from torch import Tensor

MAX_BLOCKS = 8
"""Number of blocks of validation time, where they are long enough."""

MIN_CHANNELS = 6
"""Number of channels from which the standard error over channels counts."""


def exceeds_standard_error(gains: Tensor, n_apart: int) -> bool:
    """Say whether the mean gain is more than one standard error.

    The standard error is taken over consecutive blocks of windows, and over channels; exceeding
    either counts, for with few windows only the channels can tell.

    Parameters
    ----------
    gains : Tensor, shape (C, T)
        Of single windows, in the order of time.
    n_apart : int
        Number of horizons that the windows span. Blocks are no shorter than the horizon where
        that leaves two, so that few targets are in several.
    """
    n_blocks = max(1, min(MAX_BLOCKS, max(2, n_apart), gains.shape[1] // 2))
    replicates = [torch.stack([b.mean() for b in gains.tensor_split(n_blocks, dim=1)])]
    if len(gains) >= MIN_CHANNELS:
        replicates.append(gains.mean(dim=1))
    gain = gains.mean().item()
    return any(
        len(means) > 1 and gain > means.std().item() / math.sqrt(len(means)) for means in replicates
    )

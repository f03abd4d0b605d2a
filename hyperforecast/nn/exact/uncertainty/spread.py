"""Some of many, spread evenly."""

import torch
from torch import Tensor

GOLDEN = (5**0.5 - 1) / 2


def spread(length: int, count: int) -> Tensor:
    """Return ``count`` of the numbers below ``length``, ascending; all if there are no more.

    One from each of as many equal stretches, but not in equal steps, which could meet a season,
    or the last axis of what is flattened, at the same phase each time.
    """
    if count >= length:
        return torch.arange(length)
    edges = torch.arange(count + 1) * length // count
    within = (torch.arange(count, dtype=torch.float64) * GOLDEN) % 1.0
    return edges[:-1] + (within * edges.diff()).long()

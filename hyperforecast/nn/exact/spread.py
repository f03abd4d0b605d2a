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
    number = torch.arange(count, dtype=torch.float64)
    within = (number * GOLDEN) % 1.0
    return ((number + within) * length / count).long().clamp(max=length - 1)

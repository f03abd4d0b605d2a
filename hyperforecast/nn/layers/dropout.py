"""Dropout that is fast on a CPU."""

import torch
from torch import Tensor, nn
from torch.nn import functional


def dropout(x: Tensor, p: float, active: bool) -> Tensor:
    """Set each value to zero with probability p, and divide the others by 1 - p.

    Parameters
    ----------
    x : Tensor
    p : float
        On a CPU it is rounded to a multiple of 2^-16.
    active : bool
        Whether to drop at all.

    Notes
    -----
    torch draws a random number for each value, which on a CPU is a large part of the time of
    training a transformer. Here a 64-bit number decides on four values.
    """
    levels = 2**16
    dropped = round(p * levels)
    if not active or x.device.type != "cpu" or dropped in (0, levels):
        return functional.dropout(x, p, active)
    words = torch.empty(-(-x.numel() // 4), dtype=torch.int64)
    bits = words.random_(torch.iinfo(torch.int64).min, None).view(torch.int16)
    kept = bits[: x.numel()].view(x.shape) >= dropped - levels // 2
    return x * kept.to(x.dtype).mul_(1 / (1 - p))


class Dropout(nn.Dropout):
    """``torch.nn.Dropout`` by :func:`dropout`."""

    def forward(self, x: Tensor) -> Tensor:
        """Drop values of x in training."""
        return dropout(x, self.p, self.training)

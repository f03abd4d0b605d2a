"""The nonlinear part of a hypernetwork."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn


def make_trunk(context_dim: int, hidden: Sequence[int]) -> tuple[nn.Sequential, int]:
    """Return a ReLU network of given hidden widths and what it widens a context to.

    Without hidden layers it is the identity, and the hypernetwork linear in its context.
    """
    widths = [context_dim, *hidden]
    layers = [
        layer
        for fan_in, fan_out in pairwise(widths)
        for layer in (nn.Linear(fan_in, fan_out), nn.ReLU())
    ]
    return nn.Sequential(*layers), widths[-1]

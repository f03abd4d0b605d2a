"""Folding: a trained static hypernetwork collapses to plain layers."""

import copy
from typing import TypeVar, cast

from torch import nn

from hyperforecast.nn.layers.static_layer import StaticLayer

Network = TypeVar("Network", bound=nn.Module)


def fold(network: Network) -> Network:
    """Return a copy of ``network`` in which every generated layer is a plain one.

    The copy forecasts the same numbers up to rounding, holds no hypernetwork, and shares no
    tensor with the original, which is not changed.
    """
    folded = nn.ModuleList([copy.deepcopy(network)])  # the network may be a single layer
    for parent in list(folded.modules()):
        for name, child in parent.named_children():
            if isinstance(child, StaticLayer):
                setattr(parent, name, child.fold())
    return cast("Network", folded[0])

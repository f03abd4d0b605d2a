"""Common factors of known channels, where a network of others is asked about these alone."""

import torch
from torch import Tensor, nn

from hyperforecast.nn.layers.conditioning import Condition, Conditioned, run


class GivenFactors(nn.Module):
    """Common factors that are given, in the place of those of a network's channels."""

    values: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Return what was given, (B, 1, K·lookback)."""
        assert self.values is not None
        return self.values


class Remembering(Conditioned):
    """A layer that answers what it was asked last: all new channels see the same factors.

    Parameters
    ----------
    layer : Module
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self._last: tuple[Tensor, Tensor] | None = None

    def forward(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        """Apply the layer."""
        if torch.is_grad_enabled():
            return run(self.layer, x, condition)
        if self._last is None or self._last[0] is not x:
            self._last = (x, run(self.layer, x, condition))
        return self._last[1]

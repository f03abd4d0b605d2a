"""What a pass is conditioned on, and how it reaches the layers that want it."""

from typing import NamedTuple

from torch import Tensor, nn


class Condition(NamedTuple):
    """What a pass knows beside the activations: it travels with them from layer to layer.

    Attributes
    ----------
    window : Tensor, shape (B, C, L)
        The normalised windows that the forecasts are made from.
    past_covariates : Tensor, shape (B, L, n_past), optional
    future_covariates : Tensor, shape (B, H, n_future), optional
        Of a backbone that takes covariates itself; ``None`` where the network maps them.
    rows : Tensor, shape (B, C), int64, optional
        Which rows of the tables of weights each window's channels have; the channels' own if not
        given. See :mod:`hyperforecast.nn.entities`.

    Notes
    -----
    Which segments of the horizon a pass computes is said by the activations themselves, which
    then have the segments on a leading axis: see :class:`~hyperforecast.nn.Segments`.
    """

    window: Tensor
    past_covariates: Tensor | None = None
    future_covariates: Tensor | None = None
    rows: Tensor | None = None


class Conditioned(nn.Module):
    """A module whose ``forward(x, condition)`` takes the condition of the pass.

    A module that does not say so is called with ``forward(x)``, so a plain module stays one.
    """


def run(module: nn.Module, x: Tensor, condition: Condition | None) -> Tensor:
    """Call a module, and hand the condition on if the module wants it."""
    return module(x, condition) if isinstance(module, Conditioned) else module(x)


class Chain(nn.Sequential, Conditioned):
    """``torch.nn.Sequential`` that hands the condition on to those of its modules that want it."""

    def forward(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        """Apply the modules one after the other."""
        for module in self:
            x = run(module, x, condition)
        return x

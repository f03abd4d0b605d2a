"""How many independent values dependent residuals amount to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class EffectiveSize:
    """Numbers of independent residuals.

    Attributes
    ----------
    of_steps : Tensor, shape (H,)
        For one channel and step.
    of_channel : float
        For all steps of a channel.
    of_scale : float
        For the scale of a channel, one profile over the steps.
    of_all : float
        For all steps of all channels.
    of_windows : float
        For the last step of all channels: windows whose horizons do not overlap.
    """

    of_steps: Tensor
    of_channel: float
    of_scale: float
    of_all: float
    of_windows: float

    @classmethod
    def of(cls, residuals: Tensor, counts: Sequence[int], shift: int) -> Self:
        """Count residuals (C, T, H) of which those of a channel and step are of unit scale.

        Errors of forecasts h steps ahead are correlated over less than h steps if the forecasts
        are optimal (Diebold & Mariano, "Comparing predictive accuracy", 1995), so that of
        neighbouring windows one in h counts. Steps of a window, and channels, count as many as
        their correlation matrix R has participating directions, tr(R)² / tr(R²).
        """
        horizon = residuals.shape[2]
        ahead = shift + 1.0 + torch.arange(horizon, dtype=residuals.dtype)
        of_steps = sum(1 + (count - 1) / ahead for count in counts)
        assert isinstance(of_steps, Tensor)
        of_steps = of_steps.clamp(max=residuals.shape[1])
        steps = participation(residuals, of_steps.mean().item())
        of_channel = of_steps[-1].item() * steps
        n_rows = sum(counts) + len(counts) * (horizon - 1.0)  # each with a shock of its own
        of_scale = min(of_steps.mean().item() * steps, n_rows)
        channels = participation(residuals.permute(2, 1, 0), of_channel)
        of_windows = of_steps[-1].item() * channels
        return cls(of_steps, of_channel, of_scale, of_channel * channels, of_windows)


def participation(values: Tensor, n: float) -> float:
    """Return how many independent entries the last axis of (..., m) amounts to.

    In the correlation matrix of n independent samples, tr(R²) is too large by tr(R)² / n.
    """
    rows = values.flatten(0, -2)
    product = rows.T @ rows if rows.shape[1] <= rows.shape[0] else rows @ rows.T
    total = product.trace().item() ** 2
    if total == 0:
        return 1.0
    inverse = product.square().sum().item() / total - 1 / n
    return 1 / max(inverse, 1 / values.shape[-1])

"""Instance normalisation: each window is normalised on entry and its forecast restored."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

OutputRole = Literal["location", "scale", "free"]


class Statistics(NamedTuple):
    """Of each window and channel, shape (B, C, 1): normalised = (x - shift) / scale."""

    shift: Tensor
    scale: Tensor | None
    """``None`` where only the level is removed."""


class InstanceNorm(nn.Module, ABC):
    """Normalises windows by statistics of their own, and forecasts back by the same.

    The statistics are returned and taken back, never kept, so windows in flight cannot be
    exchanged.
    """

    def __init__(self, n_channels: int) -> None:
        super().__init__()

    @abstractmethod
    def statistics(self, x: Tensor) -> Statistics:
        """Return the statistics of windows x of shape (B, C, L)."""

    def normalise(self, x: Tensor, statistics: Statistics) -> Tensor:
        """Normalise windows of shape (B, C, L)."""
        x = x - statistics.shift
        return x if statistics.scale is None else x / statistics.scale

    def restore(self, y: Tensor, statistics: Statistics, roles: Sequence[OutputRole]) -> Tensor:
        """Bring forecasts (B, C, H, P) back to the series' units, see :func:`restore`."""
        return restore(y, statistics, roles)


def restore(y: Tensor, statistics: Statistics, roles: Sequence[OutputRole]) -> Tensor:
    """Bring forecasts (B, C, H, P) back to the series' units, each output by its role.

    A ``"location"`` (a point forecast, a quantile, a mean) is shifted and scaled; a ``"scale"`` is
    a softplus pre-activation, and what softplus makes of it is scaled; a ``"free"`` output has no
    units of the series and stays.
    """
    shift = statistics.shift.unsqueeze(-1)  # (B, C, 1) -> (B, C, 1, 1)
    scale = None if statistics.scale is None else statistics.scale.unsqueeze(-1)
    if set(roles) == {"location"}:
        return (y if scale is None else y * scale) + shift
    outputs = []
    for output, role in zip(y.split(1, dim=-1), roles, strict=True):
        if role == "location":
            output = (output if scale is None else output * scale) + shift
        elif role == "scale" and scale is not None:
            output = _inverse_softplus(softplus(output) * scale.abs())
        outputs.append(output)
    return torch.cat(outputs, dim=-1)


def _inverse_softplus(x: Tensor) -> Tensor:
    x = x.clamp(min=torch.finfo(x.dtype).tiny)
    return x + torch.log(-torch.expm1(-x))


class LastValueNorm(InstanceNorm):
    """Subtracts a window's last value: NLinear (Zeng et al. 2023, arXiv 2205.13504)."""

    def statistics(self, x: Tensor) -> Statistics:
        """Return the last value as shift."""
        return Statistics(x[..., -1:], None)


class MeanNorm(InstanceNorm):
    """Subtracts a window's mean."""

    def statistics(self, x: Tensor) -> Statistics:
        """Return the mean as shift."""
        return Statistics(x.mean(dim=-1, keepdim=True), None)


class RevIN(InstanceNorm):
    """Standardises a window by its own mean and deviation.

    Kim et al., "Reversible Instance Normalization for Accurate Time-Series Forecasting against
    Distribution Shift", ICLR 2022. The deviation is the population's, with 1e-5 added to the
    variance, so that constant windows stay finite.
    """

    epsilon = 1e-5

    def statistics(self, x: Tensor) -> Statistics:
        """Return mean and standard deviation."""
        variance, mean = torch.var_mean(x, dim=-1, keepdim=True, correction=0)
        return Statistics(mean, (variance + self.epsilon).sqrt())


class AffineRevIN(RevIN):
    """RevIN followed by a learned scale and shift for each channel, undone on the forecast."""

    def __init__(self, n_channels: int) -> None:
        super().__init__(n_channels)
        self.weight = nn.Parameter(torch.ones(n_channels, 1))
        self.bias = nn.Parameter(torch.zeros(n_channels, 1))

    def statistics(self, x: Tensor) -> Statistics:
        """Return the shift and scale that normalisation and affine map amount to together."""
        mean, deviation = super().statistics(x)
        assert deviation is not None
        scale = deviation / (self.weight + self.epsilon**2)
        return Statistics(mean - self.bias * scale, scale)


INSTANCE_NORMS: dict[str, type[InstanceNorm] | None] = {
    "none": None,
    "last": LastValueNorm,
    "mean": MeanNorm,
    "revin": RevIN,
    "revin-affine": AffineRevIN,
}

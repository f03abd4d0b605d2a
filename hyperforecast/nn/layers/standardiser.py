"""Standardisation: channels and covariates in units of their training deviation."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hyperforecast.nn.layers.instance_norm import OutputRole, Statistics, restore

LEAST_LEVEL = 1e-3
"""Level, in the channel's units, below which a constant channel counts as being at zero."""


class Standardiser(nn.Module):
    """Channels and covariates less their training means, in units of their training deviations.

    Unlike an instance norm it uses the same means and deviations for every window. It changes
    nothing until they are set.

    Parameters
    ----------
    n_channels : int
        Number of channels C, or of channels of all series where each series has its own.
    n_past, n_future, n_static : int
        Number of covariates known over the window, over the horizon, and of each channel.

    Attributes
    ----------
    target_mean, target_deviation : Tensor, shape (C,)
        Not trained. A deviation of zero says that the channel was constant.
    past_mean, past_deviation, future_mean, future_deviation, static_mean, static_deviation : Tensor
        Likewise of each covariate.

    Notes
    -----
    A channel that was constant has a unit too small to be seen beside its level. So what does not
    depend on its window (constants, covariates, other channels) adds nothing to its forecast,
    while its own lags act as linearly as those of any channel, should it move after all. A
    covariate that was constant is in units of one: nothing was learned about it.
    """

    target_mean: Tensor
    target_deviation: Tensor

    def __init__(
        self, n_channels: int, n_past: int = 0, n_future: int = 0, n_static: int = 0
    ) -> None:
        super().__init__()
        sizes = {"target": n_channels, "past": n_past, "future": n_future, "static": n_static}
        for name, size in sizes.items():
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_deviation", torch.ones(size))

    def set_units(self, kind: str, mean: Tensor, deviation: Tensor) -> None:
        """Set means and deviations of ``"target"``, ``"past"``, ``"future"`` or ``"static"``."""
        getattr(self, f"{kind}_mean").copy_(mean)
        getattr(self, f"{kind}_deviation").copy_(deviation)

    def units_of(self, numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Return mean and deviation of some channels, (n,) each, float64 on the CPU."""
        mean, deviation = (
            one[list(numbers)].double().cpu() for one in (self.target_mean, self.target_deviation)
        )
        return mean, deviation

    def set_units_of(self, numbers: Sequence[int], mean: Tensor, deviation: Tensor) -> None:
        """Set mean and deviation (n,) of some channels."""
        self.target_mean[list(numbers)] = mean.to(self.target_mean)
        self.target_deviation[list(numbers)] = deviation.to(self.target_deviation)

    def _level_and_unit(self, rows: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return level and unit of each channel, (C, 1), or of those picked (B, C), (B, C, 1)."""
        mean, deviation = self.target_mean, self.target_deviation
        if rows is not None:
            mean, deviation = mean[rows], deviation[rows]
        rounding = torch.finfo(mean.dtype).eps * mean.abs().clamp(min=LEAST_LEVEL)
        unit = torch.where(deviation > 0, deviation, rounding / 1024)
        return mean.unsqueeze(-1), unit.unsqueeze(-1)

    def unit(self) -> Tensor:
        """Return the unit of each channel, (C, 1)."""
        return self._level_and_unit()[1]

    def standardise(self, x: Tensor, rows: Tensor | None = None) -> Tensor:
        """Standardise windows (B, C, L); ``rows`` (B, C) say whose means and deviations they have.

        Those of the channels if not given.
        """
        level, unit = self._level_and_unit(rows)
        return (x - level) / unit

    def standardise_covariates(self, values: Tensor | None, kind: str) -> Tensor | None:
        """Standardise covariates (..., n) of a kind, ``"past"``, ``"future"`` or ``"static"``."""
        if values is None:
            return None
        deviation = getattr(self, f"{kind}_deviation")
        unit = torch.where(deviation > 0, deviation, 1.0)
        return (values - getattr(self, f"{kind}_mean")) / unit

    def restore(self, y: Tensor, roles: Sequence[OutputRole], rows: Tensor | None = None) -> Tensor:
        """Bring forecasts (B, C, H, P) back to the series' units, each output by its role."""
        return restore(y, Statistics(*self._level_and_unit(rows)), roles)

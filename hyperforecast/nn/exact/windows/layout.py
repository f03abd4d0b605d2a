"""Where things lie in a window."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from hyperforecast.nn.exact.windows.observed_series import ObservedSeries
from hyperforecast.nn.exact.windows.regressors import Regressors

LINEAR_NORMS = ("none", "last", "mean", "revin")
"""Instance norms under which a linear backbone stays linear in its weights."""


@dataclass(frozen=True)
class WindowLayout:
    """Where lookback and horizon lie in a window, and what a regression sees of it.

    Under RevIN the constant and the static covariates are multiplied by the window's deviation,
    which is what the network's restoring amounts to.

    Attributes
    ----------
    lookback, horizon, shift : int
        L, H, and the number of steps between them.
    norm : str
        One of ``LINEAR_NORMS``.
    loadings : Tensor, shape (C, K), optional
        Common factors of a row are its values times the loadings, taken after the instance norm.
    factor_lookback : int
        Number of most recent steps at which factors enter.
    n_neighbours, neighbour_steps : int
        Number of channels that enter by themselves behind the factors, all or none, and of most
        recent steps at which they do. They are solved for on what other weights leave, so no
        moments are taken of them, and RevIN has none.
    unused : int
        Number of first steps of the lookback that no regression sees: windows of a shorter
        lookback, over the same origins.
    """

    lookback: int
    horizon: int
    shift: int = 0
    norm: str = "none"
    loadings: Tensor | None = None
    factor_lookback: int = 0
    n_neighbours: int = 0
    neighbour_steps: int = 0
    unused: int = 0

    @property
    def width(self) -> int:
        """Number of rows that a window spans."""
        return self.lookback + self.shift + self.horizon

    @property
    def inputs(self) -> slice:
        """Rows of a window that its regression sees."""
        return slice(self.unused, self.lookback)

    @property
    def n_lags(self) -> int:
        """Number of rows of a window that its regression sees."""
        return self.lookback - self.unused

    @property
    def level_steps(self) -> int:
        """Number of most recent steps whose mean the instance norm subtracts."""
        return {"none": 0, "last": 1}.get(self.norm, self.n_lags)

    @property
    def targets(self) -> slice:
        """Rows of a window that are its horizon."""
        return slice(self.width - self.horizon, self.width)

    @property
    def factor_inputs(self) -> slice:
        """Rows of a window at which factors enter."""
        return slice(self.lookback - self.factor_lookback, self.lookback)

    @property
    def n_factors(self) -> int:
        """Number K of common factors."""
        return 0 if self.loadings is None else self.loadings.shape[1]

    def regressors(self, series: ObservedSeries) -> Regressors:
        """Return the regressors of each channel of a series."""
        return self.regressors_beside(series.n_past, series.n_static)

    def regressors_beside(self, n_past: int, n_static: int) -> Regressors:
        """Return the regressors of a channel with Q past and S static covariates."""
        return Regressors(
            n_own=self.n_lags,
            n_past=self.n_lags * n_past,
            n_factors=self.factor_lookback * self.n_factors
            + self.neighbour_steps * self.n_neighbours,
            n_static=n_static,
        )

    def without_unused(self) -> "WindowLayout":
        """Return the layout of windows that begin with the first step that is seen."""
        return replace(self, lookback=self.n_lags, unused=0)

    def is_like(self, other: "WindowLayout") -> bool:
        """Say whether another layout is the same."""
        if replace(self, loadings=None) != replace(other, loadings=None):
            return False
        if self.loadings is None or other.loadings is None:
            return self.loadings is other.loadings
        return torch.equal(self.loadings, other.loadings)

    def recurs(self, series: ObservedSeries) -> bool:
        """Say whether the moments of a series follow from one window to the next."""
        return self.norm != "revin" or (
            series.past is None and series.future is None and not self.n_factors
        )

    def n_windows(self, series: ObservedSeries) -> int:
        """Return the number of windows in a series; raise if there is none."""
        n_windows = series.n_rows - self.width + 1
        if n_windows < 1:
            raise ValueError(f"A window spans {self.width} rows; the series has {series.n_rows}.")
        return n_windows

    def remove_level(self, windows: Tensor) -> Tensor:
        """Subtract from windows (..., width, m) the level that the instance norm subtracts."""
        if not self.level_steps:
            return windows
        recent = windows[..., self.lookback - self.level_steps : self.lookback, :]
        return windows - recent.mean(dim=-2, keepdim=True)

"""Sums over windows of products with the regressors that all channels see."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from hyperforecast.nn.exact.moments.moments import weighted_sums
from hyperforecast.nn.exact.moments.window_products import pieces, window_deviations, window_sums
from hyperforecast.nn.exact.windows.layout import WindowLayout
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries


@dataclass(frozen=True)
class ChannelPiece:
    """Some channels of a series, or weighted sums over them that are wanted.

    Attributes
    ----------
    rows : Tensor, shape (T, n)
        Their targets.
    fixed : Tensor, shape (n, S + 1)
        Their static covariates and the constant.
    deviation : Tensor, shape (n, windows), optional
        RevIN's, of every window; one if not given.
    weights : Tensor, shape (n, m), optional
        Of the m sums wanted; each channel by itself, m = n, if not given.
    """

    rows: Tensor
    fixed: Tensor
    deviation: Tensor | None = None
    weights: Tensor | None = None

    @property
    def n_sums(self) -> int:
        """Number m of sums, or of channels."""
        return len(self.fixed) if self.weights is None else self.weights.shape[1]

    def summed(self, values: Tensor) -> Tensor:
        """Return what is wanted of values of each channel: (n, ...) -> (m, ...)."""
        return values if self.weights is None else weighted_sums(values, self.weights)


@dataclass(frozen=True)
class SharedProducts:
    """Products with q regressors that all channels see, and with F future covariates.

    Of m channels or sums over channels, each in the units of the error: under RevIN what is not a
    channel's own is multiplied by the window's deviation.

    Attributes
    ----------
    own : Tensor, shape (m, width, q)
        Of the channels' windows, less the level that the instance norm subtracts.
    shared : Tensor, shape (m, q, q)
        Of the shared regressors.
    fixed : Tensor, shape (m, S + 1, q)
        Of the static covariates and the constant.
    own_future : Tensor, shape (m, width, H, F)
    shared_future : Tensor, shape (m, q, H, F)
    fixed_future : Tensor, shape (m, S + 1, H, F)
    future : Tensor, shape (m, F, F)
        Of the future covariates, summed over steps.
    """

    own: Tensor
    shared: Tensor
    fixed: Tensor
    own_future: Tensor
    shared_future: Tensor
    fixed_future: Tensor
    future: Tensor


class SharedRegressors(ABC):
    """Past covariates, common factors and future covariates of a series under a layout.

    Parameters
    ----------
    series : ObservedSeries
    layout : WindowLayout

    Attributes
    ----------
    deviation : Tensor, shape (C, windows), optional
        RevIN's, of every window; ``None`` under another norm.
    """

    def __init__(self, series: ObservedSeries, layout: WindowLayout) -> None:
        self.series = series
        self.layout = layout
        self.n_windows = layout.n_windows(series)
        self.deviation: Tensor | None = None
        if layout.norm == "revin":
            x = series.target[layout.unused : self.n_windows + layout.lookback - 1].T
            self.deviation = x.new_empty(len(x), self.n_windows)
            for some in pieces(x):
                self.deviation[some] = window_deviations(x[some].contiguous(), layout.n_lags)

    @abstractmethod
    def products(self, piece: ChannelPiece) -> SharedProducts:
        """Return the products of some channels' windows with them."""


def squared_steps(future: Tensor, first: int, n_windows: int, horizon: int) -> Tensor:
    """Return each window's products of future covariates, summed over steps: (windows, F, F).

    Parameters
    ----------
    future : Tensor, shape (T, F)
    first : int
        Row of the first window's first target.
    n_windows, horizon : int
    """
    ahead = future[first : first + n_windows + horizon - 1]
    squares = torch.einsum("ta,tb->abt", ahead, ahead).flatten(0, 1)
    return window_sums(squares, horizon).T.unflatten(1, (future.shape[1], -1))

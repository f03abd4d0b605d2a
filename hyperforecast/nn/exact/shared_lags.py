"""Lags of series that all channels see: past covariates and common factors."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from torch import Tensor

from hyperforecast.nn.exact.layout import WindowLayout
from hyperforecast.nn.exact.observed_series import ObservedSeries
from hyperforecast.nn.exact.regressors import flatten_factors, flatten_past
from hyperforecast.nn.exact.window_products import (
    correlate,
    lagged_products,
    offset_sums,
    window_means,
)


@dataclass(frozen=True)
class SharedLags:
    """Lags of J series that every channel's regression sees.

    Attributes
    ----------
    series : Tensor, shape (J, >= T + n_lags - 1)
        From the first lag's first step on.
    n_lags : int
        Number of consecutive lags.
    level : Tensor, shape (J, T), optional
        What the instance norm subtracts from each window's lags.
    flatten : callable
        Orders lags (..., J, n_lags) as regressors (..., J·n_lags).
    """

    series: Tensor
    n_lags: int
    level: Tensor | None
    flatten: Callable[[Tensor], Tensor]

    @classmethod
    def of(cls, series: ObservedSeries, layout: WindowLayout) -> list[tuple[slice, Self]]:
        """Return the lags that all channels of a series see, and where among the regressors."""
        regressors = layout.regressors(series)
        found = []
        if series.past is not None and series.n_past:
            past = series.past.T.contiguous()
            found.append((regressors.past, cls(past, layout.lookback, None, flatten_past)))
        if layout.loadings is not None and layout.n_factors:
            n_windows, lookback = layout.n_windows(series), layout.lookback
            factors = (series.target @ layout.loadings).T.contiguous()  # (K, T)
            level = None
            if layout.norm == "last":
                level = factors[:, lookback - 1 :][:, :n_windows]
            elif layout.norm == "mean":
                level = window_means(factors, lookback)[:, :n_windows]
            recent = factors[:, layout.factor_inputs.start :]
            lags = cls(recent, layout.factor_lookback, level, flatten_factors)
            found.append((regressors.factors, lags))
        return found

    def products(self, x: Tensor, n_windows: int, width: int) -> Tensor:
        """Return the products with windows of other series x (m, ...): (m, width, J·n_lags)."""
        lags = lagged_products(x[:, None], self.series[None], n_windows, width, self.n_lags)
        if self.level is not None:  # (m, J, width, n_lags)
            lags = lags - correlate(self.level[None], x[:, None], width).unsqueeze(-1)
        return self.flatten(lags.transpose(1, 2))

    def products_with(self, other: Self, n_windows: int) -> Tensor:
        """Return the products with other shared lags: (J·n_lags, J'·n_lags')."""
        theirs = other.products(self.series, n_windows, self.n_lags)  # (J, n_lags, J'·n_lags')
        if self.level is not None:
            # a level is a window of one step
            theirs = theirs - other.products(self.level, n_windows, 1)
        return self.flatten(theirs.movedim(-1, 0)).T

    def sums(self, n_windows: int) -> Tensor:
        """Return the sums over windows, (J·n_lags,)."""
        lags = offset_sums(self.series, n_windows, self.n_lags)
        if self.level is not None:
            lags = lags - self.level.sum(dim=1, keepdim=True)
        return self.flatten(lags)

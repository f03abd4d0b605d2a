"""Second moments of all windows of a panel, without visiting the windows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from torch import Tensor

from hyperforecast.nn.exact.products import correlate, lagged_products
from hyperforecast.nn.instance_norm import RevIN

LINEAR_NORMS = ("none", "last", "mean", "revin")
"""Instance norms under which a linear backbone stays linear in its weights."""


@dataclass(frozen=True)
class Panel:
    """A multivariate series and what is known beside it, all over the same T rows.

    Attributes
    ----------
    target : Tensor, shape (T, C)
    past : Tensor, shape (T, Q), optional
        Covariates that enter with every lag of the window.
    future : Tensor, shape (T, F), optional
        Covariates that enter at their own step of the horizon.
    static : Tensor, shape (C, S), optional
    start : int, optional
        Number of the first row in a time that panels of several fits share.
    """

    target: Tensor
    past: Tensor | None = None
    future: Tensor | None = None
    static: Tensor | None = None
    start: int | None = None

    def to(self, device: torch.device) -> Self:
        """Return the panel on a device."""
        return type(self)(
            self.target.to(device),
            None if self.past is None else self.past.to(device),
            None if self.future is None else self.future.to(device),
            None if self.static is None else self.static.to(device),
            self.start,
        )

    def rows(self, start: int, stop: int) -> Self:
        """Return rows ``start`` to ``stop``."""
        return type(self)(
            self.target[start:stop],
            None if self.past is None else self.past[start:stop],
            None if self.future is None else self.future[start:stop],
            self.static,
            None if self.start is None else self.start + start,
        )


@dataclass(frozen=True)
class WindowLayout:
    """Where lookback and horizon lie in a window, and what a regression sees of it.

    The regressors of a channel are, in this order: its own L lags, Q·L lags of the past
    covariates (step by step, as the network flattens them), ``factor_lookback`` lags of each of
    K common factors (factor by factor), S static covariates and the constant. Under RevIN the
    constant and the static covariates are multiplied by the window's deviation, which is what
    the network's restoring amounts to.

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
    """

    lookback: int
    horizon: int
    shift: int = 0
    norm: str = "none"
    loadings: Tensor | None = None
    factor_lookback: int = 0

    @property
    def width(self) -> int:
        """Number of rows that a window spans."""
        return self.lookback + self.shift + self.horizon

    def recurs(self, panel: Panel) -> bool:
        """Say whether the moments of a panel follow from one window to the next."""
        return self.norm != "revin" or (
            panel.past is None and panel.future is None and not self.n_factors
        )

    def n_windows(self, panel: Panel) -> int:
        """Return the number of windows in a panel; raise if there is none."""
        n_windows = len(panel.target) - self.width + 1
        if n_windows < 1:
            raise ValueError(
                f"A window spans {self.width} rows; the series has {len(panel.target)}."
            )
        return n_windows

    @property
    def n_factors(self) -> int:
        """Number K of common factors."""
        return 0 if self.loadings is None else self.loadings.shape[1]


@dataclass
class Moments:
    """Sums over windows, for each of n channels with p regressors.

    Attributes
    ----------
    xx : Tensor, shape (n, p, p)
        Regressors with regressors.
    xy : Tensor, shape (n, p, H)
        Regressors with targets, both after the instance norm.
    yy : Tensor, shape (n,)
        Squared targets, summed over steps.
    xf : Tensor, shape (n, p, H, F)
        Regressors with the future covariates of each step.
    ff : Tensor, shape (n, F, F)
        Future covariates with themselves, summed over steps.
    fy : Tensor, shape (n, F)
        Future covariates with the target of their step, summed over steps.
    n_windows : int
    """

    xx: Tensor
    xy: Tensor
    yy: Tensor
    xf: Tensor
    ff: Tensor
    fy: Tensor
    n_windows: int

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def _map(self, function: Callable[[Tensor], Tensor]) -> "Moments":
        sums = [f.name for f in fields(self) if f.name != "n_windows"]
        mapped: dict[str, Any] = {name: function(getattr(self, name)) for name in sums}
        return replace(self, **mapped)

    def mixed(self, weights: Tensor) -> "Moments":
        """Return weighted sums over the channels, for every column of ``weights`` (n, m)."""
        return self._map(lambda values: _mix(values, weights))

    def channels(self, some: slice) -> "Moments":
        """Return the moments of some channels."""
        return self._map(lambda values: values[some])

    @classmethod
    def stacked(cls, parts: Sequence["Moments"]) -> "Moments":
        """Return the moments of the channels of all parts, over the same windows."""
        names = [f.name for f in fields(cls) if f.name != "n_windows"]
        whole: dict[str, Any] = {n: torch.cat([getattr(p, n) for p in parts]) for n in names}
        return replace(parts[0], **whole)

    def squared_error(self, weight: Tensor, future_weight: Tensor) -> Tensor:
        """Return the summed squared error of given weights: a quadratic form, no pass over data.

        Parameters
        ----------
        weight : Tensor, shape (n, H, p)
        future_weight : Tensor, shape (n, F)

        Returns
        -------
        Tensor, shape (n,)
        """
        fitted = torch.bmm(weight, self.xx)  # (n, H, p)
        error = self.yy + ((fitted - 2 * self.xy.mT) * weight).sum(dim=(1, 2))
        if future_weight.shape[1]:
            fitted_future = torch.einsum("nphf,nf->nhp", self.xf, future_weight)
            error = error + 2 * (fitted_future * weight).sum(dim=(1, 2))
            covered = torch.einsum("nfg,ng->nf", self.ff, future_weight)
            error = error + ((covered - 2 * self.fy) * future_weight).sum(dim=1)
        return error


def _mix(values: Tensor, weights: Tensor | None) -> Tensor:
    """Return weighted sums over the first axis: (n, ...) and weights (n, m) -> (m, ...)."""
    if weights is None:
        return values
    return torch.tensordot(weights.T, values, dims=1)


def window_moments(
    panels: Iterable[Panel], layout: WindowLayout, channels: slice = slice(None)
) -> Moments:
    """Return the moments of every window of every panel, for the given channels.

    Time and memory do not depend on the number of windows times their width squared: each
    channel costs O(T log T) for the first row and O(width²) for the rest.

    Parameters
    ----------
    panels : iterable of Panel
        Each at least ``layout.width`` rows long; float64.
    layout : WindowLayout
    channels : slice
        Which channels to return; factors are always made of all.
    """
    total: Moments | None = None
    for panel in panels:
        x = panel.target[:, channels].T.contiguous()
        own = lagged_products(x, x, layout.n_windows(panel), layout.width, layout.width)
        moments = panel_moments(panel, layout, own, channels)
        total = moments if total is None else total + moments
    if total is None:
        raise ValueError("No series to take moments of.")
    return total


def panel_moments(
    panel: Panel,
    layout: WindowLayout,
    own: Tensor,
    channels: slice = slice(None),
    weights: Tensor | None = None,
) -> Moments:
    """Return the moments of a panel, given the products of the channels' own windows.

    Parameters
    ----------
    panel : Panel
    layout : WindowLayout
    own : Tensor, shape (m, width, width)
        Products of each channel's windows with themselves, or their weighted sums.
    channels : slice
        Which n channels to take.
    weights : Tensor, shape (n, m), optional
        If given, weighted sums over the channels are returned, those of each column. What
        channels share is made once for each sum, not for each channel.
    """
    n_windows = layout.n_windows(panel)
    if not layout.recurs(panel):
        raise ValueError(
            "RevIN scales covariates and factors by the window, so their moments have no "
            "recurrence: use block_moments."
        )

    x = panel.target[:, channels].T.contiguous()  # (n, T)
    n, lookback, width = len(x), layout.lookback, layout.width
    back, ahead = slice(0, lookback), slice(width - layout.horizon, width)
    mixed = _mix(x, weights)  # (m, T)
    mass = _mix(x.new_ones(n), weights)  # (m,), of what is the same for all channels
    own = remove_level(remove_level(own, layout).mT, layout).mT  # (m, width, width)

    # the constant regressor: one, or under RevIN the window's deviation
    if layout.norm == "revin":
        constant = _deviations(x, lookback, n_windows)  # (n, windows)
        own_sum = correlate(constant, x, width)
        energy = constant.square().sum(dim=1)
    else:
        own_sum = _sums(x, n_windows, width)
        energy = x.new_full((n,), n_windows)
    own_sum = remove_level(own_sum.unsqueeze(-1), layout).squeeze(-1)

    xx, xy, sums = own[:, back, back], own[:, back, ahead], own_sum[:, back]
    shared = _SharedLags.of(panel, layout)
    if shared:
        cross = torch.cat([lags.products(mixed, n_windows, width) for lags in shared], dim=2)
        cross = remove_level(cross, layout)  # (m, width, p')
        among = torch.cat(
            [torch.cat([a.products_with(b, n_windows) for b in shared], dim=1) for a in shared]
        )
        xx = _bordered(xx, cross[:, back], mass[:, None, None] * among)
        xy = torch.cat([xy, cross[:, ahead].mT], dim=1)
        shared_sum = torch.cat([lags.sums(n_windows) for lags in shared])
        sums = torch.cat([sums, shared_sum.expand(n, -1)], dim=1)

    # static covariates do not change with the window: they are multiples of the constant
    multiples = x.new_ones(n, 1)
    if panel.static is not None:
        multiples = torch.cat([panel.static[channels], multiples], dim=1)  # (n, S + 1)
    xx = _bordered(
        xx,
        _mix(sums[:, :, None] * multiples[:, None, :], weights),
        _mix(energy[:, None, None] * multiples[:, :, None] * multiples[:, None, :], weights),
    )
    xy = torch.cat([xy, _mix(multiples[:, :, None] * own_sum[:, None, ahead], weights)], dim=1)
    yy = own[:, ahead, ahead].diagonal(dim1=1, dim2=2).sum(dim=1)

    n_future = 0 if panel.future is None else panel.future.shape[1]
    xf = xx.new_zeros(len(xx), xx.shape[1], layout.horizon, n_future)
    ff, fy = xx.new_zeros(len(xx), n_future, n_future), xx.new_zeros(len(xx), n_future)
    if panel.future is not None and n_future:
        future = panel.future.T.contiguous()  # (F, T)

        def products(a: Tensor) -> Tensor:
            return lagged_products(a[:, None], future[None], n_windows, width, width)

        cross = products(mixed).transpose(1, 2)  # (m, width, F, width)
        cross = remove_level(cross.flatten(2), layout).view(cross.shape)[..., ahead]
        fy = cross[:, ahead].diagonal(dim1=1, dim2=3).sum(dim=2)  # (m, F)
        rows = [cross[:, back].mT]  # (m, L, H, F)
        for lags in shared:
            seen = lags.products(future, n_windows, width)[:, ahead].permute(2, 1, 0)  # (p', H, F)
            rows.append(mass[:, None, None, None] * seen)
        future_sum = _sums(future, n_windows, width)[:, ahead]
        rows.append(torch.einsum("ms,fh->mshf", _mix(multiples, weights), future_sum))
        xf = torch.cat(rows, dim=1)
        ff = products(future)[..., ahead, ahead].diagonal(dim1=2, dim2=3).sum(dim=2)
        ff = mass[:, None, None] * ff
    return Moments(xx, xy, yy, xf, ff, fy, n_windows)


@dataclass(frozen=True)
class _SharedLags:
    """Lags of J series that every channel's regression sees.

    Attributes
    ----------
    series : Tensor, shape (J, >= T + width - 1)
        From the first lag's first step on.
    width : int
        Number of consecutive lags.
    level : Tensor, shape (J, T), optional
        What the instance norm subtracts from each window's lags.
    lag_by_lag : bool
        Whether regressors run through the series within a lag, or through the lags of a series.
    """

    series: Tensor
    width: int
    level: Tensor | None
    lag_by_lag: bool

    @classmethod
    def of(cls, panel: Panel, layout: WindowLayout) -> list[Self]:
        """Return the shared regressors of a panel: past covariates, then factors."""
        found = []
        n_windows, lookback = layout.n_windows(panel), layout.lookback
        if panel.past is not None and panel.past.shape[1]:
            found.append(cls(panel.past.T.contiguous(), lookback, None, lag_by_lag=True))
        if layout.loadings is not None and layout.n_factors:
            factors = (panel.target @ layout.loadings).T.contiguous()  # (K, T)
            level = None
            if layout.norm == "last":
                level = factors[:, lookback - 1 :][:, :n_windows]
            elif layout.norm == "mean":
                level = _window_means(factors, lookback)[:, :n_windows]
            recent = factors[:, lookback - layout.factor_lookback :]
            found.append(cls(recent, layout.factor_lookback, level, lag_by_lag=False))
        return found

    def products(self, x: Tensor, n_windows: int, width: int) -> Tensor:
        """Return the products with windows of other series x (m, ...): (m, width, J·lags)."""
        lags = lagged_products(x[:, None], self.series[None], n_windows, width, self.width)
        if self.level is not None:  # (m, J, width, lags)
            lags = lags - correlate(self.level[None], x[:, None], width).unsqueeze(-1)
        return self._flatten(lags.transpose(1, 2))

    def products_with(self, other: Self, n_windows: int) -> Tensor:
        """Return the products with other shared lags: (J·lags, J'·lags')."""
        theirs = other.products(self.series, n_windows, self.width)  # (J, lags, J'·lags')
        if self.level is not None:
            # a level is a window of one step
            theirs = theirs - other.products(self.level, n_windows, 1)
        return self._flatten(theirs.movedim(-1, 0)).T

    def sums(self, n_windows: int) -> Tensor:
        """Return the sums over windows, (J·lags,)."""
        lags = _sums(self.series, n_windows, self.width)
        if self.level is not None:
            lags = lags - self.level.sum(dim=1, keepdim=True)
        return self._flatten(lags)

    def _flatten(self, lags: Tensor) -> Tensor:
        """Order (..., J, lags) as the network does: (..., J·lags)."""
        return (lags.mT if self.lag_by_lag else lags).flatten(-2)


def _bordered(top: Tensor, corner: Tensor, bottom: Tensor) -> Tensor:
    """Assemble [[top, corner], [corner^T, bottom]]."""
    split, width = top.shape[1], top.shape[1] + bottom.shape[1]
    whole = top.new_empty(len(top), width, width)
    whole[:, :split, :split] = top
    whole[:, :split, split:] = corner
    whole[:, split:, :split] = corner.mT
    whole[:, split:, split:] = bottom
    return whole


def remove_level(windows: Tensor, layout: WindowLayout) -> Tensor:
    """Subtract from windows (..., width, m) the level that the instance norm subtracts."""
    if layout.norm == "none":
        return windows
    if layout.norm == "last":
        return windows - windows[..., layout.lookback - 1 : layout.lookback, :]
    return windows - windows[..., : layout.lookback, :].mean(dim=-2, keepdim=True)


def _sums(x: Tensor, n_windows: int, width: int) -> Tensor:
    """Return sum_t x[t + k] over the first ``n_windows`` steps t, for k < width."""
    steps = x[..., n_windows : n_windows + width - 1] - x[..., : width - 1]
    first = x[..., :n_windows].sum(dim=-1, keepdim=True)
    return torch.cat([first, first + steps.cumsum(dim=-1)], dim=-1)


def _window_means(x: Tensor, length: int) -> Tensor:
    """Return the mean of every ``length`` consecutive steps: (n, T) -> (n, T - length + 1)."""
    sums = torch.nn.functional.pad(x.cumsum(dim=-1), (1, 0))
    return (sums[..., length:] - sums[..., :-length]) / length


def _deviations(x: Tensor, lookback: int, n_windows: int) -> Tensor:
    """Return RevIN's deviation of every window, (n, windows)."""
    x = x - x.mean(dim=-1, keepdim=True)
    variance = _window_means(x.square(), lookback) - _window_means(x, lookback).square()
    return (variance[:, :n_windows].clamp(min=0) + RevIN.epsilon).sqrt()

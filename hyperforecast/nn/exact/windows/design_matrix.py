"""Windows written out as the rows of a regression, for what moments do not tell."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from hyperforecast.nn.exact.windows.layout import WindowLayout
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries
from hyperforecast.nn.exact.windows.regressors import (
    Regressors,
    flatten_factors,
    flatten_past,
    join_groups,
)
from hyperforecast.nn.layers.instance_norm import RevIN


@dataclass(frozen=True)
class DesignMatrix:
    """The rows of a regression that the moments stand for, in the units of the error.

    Attributes
    ----------
    where : Regressors
        Where each group of regressors lies.
    own : Tensor, shape (C, T, L)
        Lags of each channel, less the level that the instance norm subtracts.
    targets : Tensor, shape (C, T, H)
        Likewise.
    shared : Tensor, shape (T, q) or (C, T, q)
        Regressors that all channels see: past covariates and factors; of each channel where
        channels have windows of their own.
    future : Tensor, shape (T, H, F) or (C, T, H, F)
        Future covariates, likewise.
    fixed : Tensor, shape (C, 1 or T, S + 1)
        Static covariates and the constant, of all windows or of each.
    deviation : Tensor, shape (C, T, 1)
        What all regressors but a channel's own lags are multiplied by: the window's deviation
        under RevIN, else one.
    """

    where: Regressors
    own: Tensor
    targets: Tensor
    shared: Tensor
    future: Tensor
    fixed: Tensor
    deviation: Tensor

    def rows(self, channels: slice = slice(None)) -> tuple[Tensor, Tensor, Tensor]:
        """Return regressors (n, T, p), targets (n, T, H) and future covariates (n, T, H, F)."""
        own, deviation = self.own[channels], self.deviation[channels]
        x = own.new_empty(*own.shape[:2], self.where.total)
        x[..., self.where.own] = own
        x[..., self.where.shared] = self.shared * deviation
        x[..., self.where.fixed] = self.fixed[channels] * deviation
        return x, self.targets[channels], self.future * deviation.unsqueeze(-1)

    def residuals(self, weight: Tensor, future_weight: Tensor) -> Tensor:
        """Return targets less forecasts, (C, T, H), by weights (C, H, p) and (C, F)."""
        own = weight[..., self.where.own]
        others = self.fixed @ weight[..., self.where.fixed].mT  # (C, 1 or T, H)
        if self.shared.shape[-1]:
            others = others + self.shared @ weight[..., self.where.shared].mT
        if self.future.shape[-1]:
            seen = "cthf" if self.future.dim() == 4 else "thf"
            others = others + torch.einsum(f"{seen},cf->cth", self.future, future_weight)
        return torch.baddbmm(self.targets - others * self.deviation, self.own, own.mT, alpha=-1)


def design_matrix(
    series: ObservedSeries,
    layout: WindowLayout,
    starts: Tensor | None = None,
    channels: slice = slice(None),
    static: Tensor | None = None,
) -> DesignMatrix:
    """Write out windows of a series.

    Parameters
    ----------
    series : ObservedSeries
    layout : WindowLayout
    starts : Tensor, shape (T,), optional
        First rows of the windows, ascending; all windows if not given.
    channels : slice
        Which channels to write out; factors are always made of all.
    static : Tensor, shape (T, n, S), optional
        Static covariates of each window, in the place of the series' own.
    """
    inputs, targets, width = layout.inputs, layout.targets, layout.width
    if starts is None:
        starts = torch.arange(layout.n_windows(series))
    first, end = int(starts[0]), int(starts[-1]) + width
    starts = (starts - first).to(series.target.device)

    def windows_of(values: Tensor) -> Tensor:  # (rows, m) -> (m, T, width)
        return values[first:end].T.contiguous().unfold(1, width, 1)[:, starts]

    windows = layout.remove_level(windows_of(series.target[:, channels]).mT).mT
    n_channels, n_windows = windows.shape[:2]
    own = windows[..., inputs]
    deviation = deviations(own, layout)
    past = None
    if series.past is not None:
        past = flatten_past(windows_of(series.past)[..., inputs].transpose(0, 1))
    factors: list[Tensor] = []
    if layout.n_factors or layout.n_neighbours:
        every, their_deviation = own, deviation
        if n_channels < series.n_channels:
            every = layout.remove_level(windows_of(series.target).mT).mT[..., inputs]
            their_deviation = deviations(every, layout)
        if layout.loadings is not None:
            lags = factor_lags(every.transpose(0, 1), their_deviation.transpose(0, 1), layout)
            factors.append(lags)
        recent = every[: layout.n_neighbours, :, layout.n_lags - layout.neighbour_steps :]
        factors.append(flatten_factors(recent.transpose(0, 1)))
    future = windows.new_zeros(n_windows, layout.horizon, 0)
    if series.future is not None:
        future = windows_of(series.future)[..., targets].permute(1, 2, 0)
    own_static = None if series.static is None else series.static[channels].unsqueeze(1)
    fixed = own_static if static is None else static.transpose(0, 1)
    ones = windows.new_ones(n_channels, 1 if static is None else n_windows, 1)
    return DesignMatrix(
        where=replace(layout.regressors(series), n_static=0 if fixed is None else fixed.shape[2]),
        own=own,
        targets=windows[..., targets],
        shared=join_groups(
            past=past,
            factors=torch.cat(factors, dim=1) if factors else None,
            constant=windows.new_zeros(n_windows, 0),
        ),
        future=future,
        fixed=join_groups(static=fixed, constant=ones),
        deviation=deviation,
    )


def factor_lags(own: Tensor, deviation: Tensor, layout: WindowLayout) -> Tensor:
    """Return the lags of the common factors of windows, (T, K·lags).

    Parameters
    ----------
    own : Tensor, shape (T, C, L)
        Lags of all channels, less the level that the instance norm subtracts.
    deviation : Tensor, shape (T, C, 1)
        See :func:`deviations`.
    layout : WindowLayout
        Of C channels.
    """
    assert layout.loadings is not None
    recent = own[..., layout.n_lags - layout.factor_lookback :] / deviation
    lags = torch.tensordot(recent, layout.loadings, dims=([1], [0]))  # (T, lags, K)
    return flatten_factors(lags.mT)


def deviations(own: Tensor, layout: WindowLayout) -> Tensor:
    """Return RevIN's deviations (n, T, 1) of lookbacks (n, T, L), or ones."""
    if layout.norm == "revin":
        return (own.var(dim=-1, correction=0, keepdim=True) + RevIN.epsilon).sqrt()
    return own.new_ones(()).expand(*own.shape[:2], 1)

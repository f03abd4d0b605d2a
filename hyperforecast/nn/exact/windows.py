"""Windows themselves, for what moments do not tell."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hyperforecast.nn.exact.moments import Moments, Panel, WindowLayout, remove_level
from hyperforecast.nn.instance_norm import RevIN


@dataclass(frozen=True)
class WindowRows:
    """The rows of a regression that the moments stand for, in the units of the error.

    Attributes
    ----------
    own : Tensor, shape (C, T, L)
        Lags of each channel, less the level that the instance norm subtracts.
    targets : Tensor, shape (C, T, H)
        Likewise.
    shared : Tensor, shape (T, q)
        Regressors that all channels see: past covariates, then factors.
    future : Tensor, shape (T, H, F)
        Future covariates.
    multiples : Tensor, shape (C, S + 1)
        Static covariates and one.
    deviation : Tensor, shape (C, T, 1)
        What all regressors but a channel's own lags are multiplied by: the window's deviation
        under RevIN, else one.
    """

    own: Tensor
    targets: Tensor
    shared: Tensor
    future: Tensor
    multiples: Tensor
    deviation: Tensor

    def regressors(self, channels: slice = slice(None)) -> tuple[Tensor, Tensor, Tensor]:
        """Return regressors (n, T, p), targets (n, T, H) and future covariates (n, T, H, F)."""
        own, deviation = self.own[channels], self.deviation[channels]
        others = [self.shared * deviation, self.multiples[channels].unsqueeze(1) * deviation]
        future = self.future * deviation.unsqueeze(-1)
        return torch.cat([own, *others], dim=-1), self.targets[channels], future

    def residuals(self, weight: Tensor, future_weight: Tensor) -> Tensor:
        """Return targets less forecasts, (C, T, H), by weights (C, H, p) and (C, F)."""
        widths = [self.own.shape[2], self.shared.shape[1], self.multiples.shape[1]]
        own, shared, constant = weight.split(widths, dim=2)
        others = (constant @ self.multiples.unsqueeze(-1)).mT  # (C, 1, H)
        if self.shared.shape[1]:
            others = others + self.shared @ shared.mT
        if self.future.shape[2]:
            others = others + torch.einsum("thf,cf->cth", self.future, future_weight)
        return torch.baddbmm(self.targets - others * self.deviation, self.own, own.mT, alpha=-1)


def window_rows(panel: Panel, layout: WindowLayout, starts: Tensor | None = None) -> WindowRows:
    """Return every window of a panel, or those that begin at ``starts``."""
    lookback, horizon, width = layout.lookback, layout.horizon, layout.width
    if starts is None:
        starts = torch.arange(layout.n_windows(panel))

    def windows_of(values: Tensor) -> Tensor:  # (T, m) -> (m, windows, width)
        return values.T.contiguous().unfold(1, width, 1)[:, starts.to(values.device)]

    windows = remove_level(windows_of(panel.target).mT, layout).mT
    n_channels, n_windows = windows.shape[:2]
    own, targets = windows[..., :lookback], windows[..., width - horizon :]
    if layout.norm == "revin":
        deviation = (own.var(dim=-1, correction=0, keepdim=True) + RevIN.epsilon).sqrt()
    else:
        deviation = windows.new_ones(()).expand(n_channels, n_windows, 1)
    shared = [windows.new_zeros(n_windows, 0)]
    if panel.past is not None:
        lags = windows_of(panel.past)[..., :lookback]  # (Q, T, L)
        shared.append(lags.permute(1, 2, 0).flatten(1))  # step by step
    if layout.loadings is not None and layout.n_factors:
        recent = own[..., lookback - layout.factor_lookback :] / deviation
        factors = torch.tensordot(layout.loadings.T, recent, dims=1)  # (K, T, lags)
        shared.append(factors.transpose(0, 1).flatten(1))
    future = windows.new_zeros(n_windows, horizon, 0)
    if panel.future is not None:
        future = windows_of(panel.future)[..., width - horizon :].permute(1, 2, 0)
    multiples = windows.new_ones(n_channels, 1)
    if panel.static is not None:
        multiples = torch.cat([panel.static, multiples], dim=1)
    return WindowRows(own, targets, torch.cat(shared, dim=1), future, multiples, deviation)


def block_moments(
    panels: Sequence[Panel],
    layout: WindowLayout,
    channels: slice = slice(None),
    block: int = 1024,
) -> Moments:
    """Return the same as :func:`window_moments` by visiting every window, in blocks.

    Slower, for what has no recurrence: RevIN together with covariates or factors, whose
    regressors are multiplied by each window's deviation.
    """
    total: Moments | None = None
    for panel in panels:
        n_windows = layout.n_windows(panel)
        for start in range(0, n_windows, block):
            stop = min(start + block, n_windows)
            piece = panel.rows(start, stop + layout.width - 1)
            x, y, f = window_rows(piece, layout).regressors(channels)
            moments = Moments(
                x.mT @ x,
                x.mT @ y,
                y.square().sum(dim=(1, 2)),
                torch.einsum("ntp,nthf->nphf", x, f),
                torch.einsum("nthf,nthg->nfg", f, f),
                torch.einsum("nthf,nth->nf", f, y),
                stop - start,
            )
            total = moments if total is None else total + moments
    if total is None:
        raise ValueError("No series to take moments of.")
    return total

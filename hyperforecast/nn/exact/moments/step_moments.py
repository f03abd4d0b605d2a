"""Moments of windows whose steps count differently."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from hyperforecast.nn.exact.moments.moments import Moments, weighted_sums
from hyperforecast.nn.exact.windows.design_matrix import design_matrix
from hyperforecast.nn.exact.windows.layout import WindowLayout
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries, has_own_windows
from hyperforecast.nn.exact.windows.own_windows import OwnWindows
from hyperforecast.nn.exact.windows.step_weights import StepWeights

BLOCK, CHANNELS = 256, 64
"""Numbers of windows visited at a time, and of channels that have windows of their own."""


@dataclass(frozen=True)
class StepMoments:
    """Weighted sums over windows, for each of m channels, or sums of these.

    Attributes
    ----------
    xx : Tensor, shape (r, m, p, p)
        Regressors with regressors, by the weights of the basis.
    xy : Tensor, shape (m, p, H)
        Regressors with targets, by the weights of the step.
    yy : Tensor, shape (m,)
    xf : Tensor, shape (m, p, H, F)
    ff : Tensor, shape (m, H, F, F)
    fy : Tensor, shape (m, H, F)
    weights : StepWeights
    """

    xx: Tensor
    xy: Tensor
    yy: Tensor
    xf: Tensor
    ff: Tensor
    fy: Tensor
    weights: StepWeights

    @classmethod
    def of(
        cls,
        series: Sequence[ObservedSeries],
        layout: WindowLayout,
        weights: StepWeights,
        n_channels: int,
        sums: Tensor | None = None,
    ) -> Self:
        """Visit every window that counts.

        Parameters
        ----------
        series : sequence of ObservedSeries
        layout : WindowLayout
        weights : StepWeights
            Of these series under a layout of the same lengths.
        n_channels : int
            Number C of channels.
        sums : Tensor, shape (C, m), optional
            Weights of the sums over channels wanted; the channels themselves if not given.
        """
        total: list[Tensor] = []
        visit = _visit_own if has_own_windows(series) else _visit
        for channels, x, y, f, steps, basis in visit(series, layout, weights, n_channels):
            wy = steps * y
            wf = steps[..., None] * f
            new = [
                torch.stack([x.mT @ (weight[..., None] * x) for weight in basis], dim=1),
                x.mT @ wy,
                (wy * y).sum(dim=(1, 2)),
                torch.einsum("ntp,nthf->nphf", x, wf),
                torch.einsum("nthf,nthg->nhfg", wf, f),
                torch.einsum("nthf,nth->nhf", wf, y),
            ]
            if not total:
                count = n_channels if sums is None else sums.shape[1]
                total = [one.new_zeros(count, *one.shape[1:]) for one in new]
            for of_all, one in zip(total, new, strict=True):
                if sums is None:
                    of_all[channels] += one
                else:
                    of_all += weighted_sums(one, sums[channels])
        xx, xy, yy, xf, ff, fy = total
        return cls(xx.transpose(0, 1), xy, yy, xf, ff, fy, weights)

    def of_group(self, number: int, some: slice) -> tuple[Tensor, Moments]:
        """Return the steps of a group and their moments, for some channels or sums.

        Targets and future covariates of a step are multiplied by the root of its factor, so that
        all steps of the group have the same weights; so are the weights that they lead to.
        """
        weights = self.weights
        steps = (weights.group == number).nonzero().flatten()
        root = weights.factor[steps].sqrt()
        n_windows = sum(map(len, weights.starts))
        moments = Moments(
            xx=torch.einsum("r,rnpq->npq", weights.combination[number], self.xx[:, some]),
            xy=self.xy[some][..., steps] / root,
            yy=self.yy[some],
            xf=self.xf[some][:, :, steps] / root[:, None],
            ff=self.ff[some][:, steps].sum(dim=1),
            fy=self.fy[some][:, steps].sum(dim=1),
            n_windows=n_windows,
        )
        return steps, moments


Block = tuple[slice, Tensor, Tensor, Tensor, Tensor, Tensor]
"""Windows of n channels: which channels, regressors (n, t, p), targets (n, t, H), future covariates
(n, t, H, F), weights of steps (n or 1, t, H), and of the basis (r, n or 1, t)."""


def _visit(
    series: Sequence[ObservedSeries], layout: WindowLayout, weights: StepWeights, n_channels: int
) -> Iterator[Block]:
    """Write out the windows of all channels, some of them at a time."""
    of_series = zip(series, weights.starts, weights.steps, weights.basis, strict=True)
    for one, all_starts, steps, basis in of_series:
        for number, starts in enumerate(all_starts.split(BLOCK)):
            some = slice(number * BLOCK, number * BLOCK + len(starts))
            rows = design_matrix(one, layout, starts).rows()
            yield (
                slice(0, n_channels),
                *rows,
                steps[some].permute(2, 0, 1),
                basis[:, some].transpose(1, 2),
            )


def _visit_own(
    series: Sequence[ObservedSeries], layout: WindowLayout, weights: StepWeights, n_channels: int
) -> Iterator[Block]:
    """Write out windows that channels have of their own, those of some channels at a time."""
    windows = OwnWindows(series, layout.width, n_channels, weights.starts)
    steps = windows.arranged([one.mT for one in weights.steps])  # (W, H)
    basis = windows.arranged([one.permute(1, 2, 0) for one in weights.basis])  # (W, r)
    for begin in range(0, n_channels, CHANNELS):
        channels = slice(begin, min(begin + CHANNELS, n_channels))
        most = windows.most(channels)
        for first in range(0, most, BLOCK):
            some = channels, first, min(BLOCK, most - first)
            yield (
                channels,
                *windows.rows(layout, *some)[0].rows(),
                windows.of_some(steps, *some),
                windows.of_some(basis, *some).movedim(-1, 0),
            )

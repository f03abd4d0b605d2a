"""Moments of windows whose steps count differently."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from hyperforecast.nn.exact.design_matrix import design_matrix
from hyperforecast.nn.exact.layout import WindowLayout
from hyperforecast.nn.exact.moments import Moments, weighted_sums
from hyperforecast.nn.exact.observed_series import ObservedSeries
from hyperforecast.nn.exact.step_weights import StepWeights

BLOCK = 256
"""Number of windows visited at a time."""


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
        sums: Tensor | None = None,
    ) -> Self:
        """Visit every window that counts.

        Parameters
        ----------
        series : sequence of ObservedSeries
        layout : WindowLayout
        weights : StepWeights
            Of these series under a layout of the same lengths.
        sums : Tensor, shape (C, m), optional
            Weights of the sums over channels wanted; the channels themselves if not given.
        """
        total: list[Tensor] = []

        def summed(values: Tensor) -> Tensor:
            return values if sums is None else weighted_sums(values, sums)

        of_series = zip(series, weights.starts, weights.steps, weights.basis, strict=True)
        for one, all_starts, steps, basis in of_series:
            for number, starts in enumerate(all_starts.split(BLOCK)):
                some = slice(number * BLOCK, number * BLOCK + len(starts))
                x, y, f = design_matrix(one, layout, starts).rows()
                w = steps[some].permute(2, 0, 1)  # (C or 1, t, H)
                wy = w * y
                wf = w[..., None] * f
                each = basis[:, some].transpose(1, 2)[..., None]  # (r, C or 1, t, 1)
                new = [
                    torch.stack([summed(x.mT @ (weight * x)) for weight in each]),
                    summed(x.mT @ wy),
                    summed((wy * y).sum(dim=(1, 2))),
                    summed(torch.einsum("ntp,nthf->nphf", x, wf)),
                    summed(torch.einsum("nthf,nthg->nhfg", wf, f)),
                    summed(torch.einsum("nthf,nth->nhf", wf, y)),
                ]
                total = [a + b for a, b in zip(total, new, strict=True)] if total else new
        xx, xy, yy, xf, ff, fy = total
        return cls(xx, xy, yy, xf, ff, fy, weights)

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

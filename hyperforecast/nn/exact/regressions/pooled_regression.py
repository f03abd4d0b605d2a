"""Ridge regression for each channel, drawn towards weights that channels share."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from hyperforecast.nn.exact.moments.moments import ChannelMoments, Moments
from hyperforecast.nn.exact.regressions.channel_regression import ChannelRegression
from hyperforecast.nn.exact.regressions.weights import BasisWeights
from hyperforecast.nn.exact.windows.regressors import Regressors


class PooledRegression:
    r"""Partial pooling: each channel's weights are the shared ones and what they lack.

    Minimises :math:`\sum_n \|Y_n - (W(z_n) + \Delta_n) X_n\|^2 + \mu \sum_{nj} s_{nj}
    \|\Delta_{nj}\|^2` for given shared or generated weights :math:`W(z_n)`, the constants not
    penalised: a regression of each channel's residuals. For :math:`\mu \to \infty` it is the
    generated weights with a constant of each channel's own, for :math:`\mu \to 0` one head each.
    Hierarchical models call it shrinkage: Gelman & Hill, "Data Analysis Using Regression and
    Multilevel/Hierarchical Models", 2007, chapter 12.

    Parameters
    ----------
    moments : iterable of (slice, Moments)
        Of C channels with p regressors, the last of which is the constant.
    shared : BasisWeights
        M of them.
    shared_mixing : Tensor, shape (C, M)
    mixing : Tensor, shape (C, C)
        The identity: the weights solved for are each channel's own.
    regressors : Regressors, optional
        Where each group of regressors lies; all are lags of the channel's own if not given.
    """

    def __init__(
        self,
        moments: ChannelMoments,
        shared: BasisWeights,
        shared_mixing: Tensor,
        mixing: Tensor,
        regressors: Regressors | None = None,
    ) -> None:
        self.mixing = mixing
        self._shared = shared
        self._shared_mixing = shared_mixing
        residual = ResidualMoments(moments, shared, shared_mixing)
        self._differences = ChannelRegression(residual, mixing, regressors)

    def solve(self, ridge: float) -> BasisWeights:
        """Solve for one ridge μ > 0, counted in units of each channel's equations."""
        own = self._differences.solve(ridge)
        weight, future = self._shared.of_channels(self._shared_mixing)
        damping = max(own.damping, self._shared.damping)
        return BasisWeights(own.weight.add_(weight), own.future + future, damping)


@dataclass(frozen=True)
class ResidualMoments:
    """Moments of what given weights leave of the targets, a chunk of the channels at a time."""

    moments: ChannelMoments
    weights: BasisWeights
    mixing: Tensor

    def __iter__(self) -> Iterator[tuple[slice, Moments]]:
        for channels, chunk in self.moments:
            weight, future = self.weights.of_channels(self.mixing[channels])
            yield channels, _residual(chunk, weight, future)


def _residual(moments: Moments, weight: Tensor, future: Tensor) -> Moments:
    """Return moments with the targets less their forecasts by weights (n, H, p) and (n, F)."""
    error = moments.squared_error(weight, future)
    xy = torch.baddbmm(moments.xy, moments.xx, weight.mT, alpha=-1)
    fy = moments.fy
    if future.shape[1]:
        xy = xy - torch.einsum("nphf,nf->nph", moments.xf, future)
        fy = fy - torch.einsum("nphf,nhp->nf", moments.xf, weight)
        fy = fy - torch.einsum("nfg,ng->nf", moments.ff, future)
    return replace(moments, xy=xy, yy=error, fy=fy)

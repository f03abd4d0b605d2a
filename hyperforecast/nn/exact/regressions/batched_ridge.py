"""Ridge regressions of many channels at once, each by itself."""

import torch
from torch import Tensor

from hyperforecast.nn.exact.linear_algebra import (
    damped_cholesky,
    solve_factorised,
    solve_penalised,
)
from hyperforecast.nn.exact.moments.moments import Moments
from hyperforecast.nn.exact.regressions.ridge_units import group_units
from hyperforecast.nn.exact.regressions.weights import BasisWeights
from hyperforecast.nn.exact.windows.regressors import CONSTANT, PENALISED, Regressors


class BatchedRidge:
    """One ridge regression for each of n channels, factorised together.

    Constants are eliminated first and not penalised, so that what is left is centred.

    Parameters
    ----------
    moments : Moments
        Of n channels with p regressors, the last of which is the constant.
    regressors : Regressors, optional
        Where each group of regressors lies; all are lags of the channel's own if not given.

    Attributes
    ----------
    units : Tensor, shape (n, p - 1)
        Units of each channel's ridge, see :class:`GeneratedRegression`.
    future_units : Tensor, shape (n, F)
        Likewise of each future covariate.
    """

    def __init__(self, moments: Moments, regressors: Regressors | None = None) -> None:
        self.moments = moments
        self._corner = moments.xx[:, CONSTANT, PENALISED]  # (n, p - 1)
        constant = moments.xx[:, CONSTANT, CONSTANT]  # (n,)
        # a channel without a window has weights of zero
        self._constant = torch.where(constant > 0, constant, 1.0)
        self._elimination = self._corner / self._constant[:, None]
        diagonal = moments.xx.diagonal(dim1=1, dim2=2)[:, PENALISED]
        regressors = regressors or Regressors(diagonal.shape[1])
        left = diagonal - self._corner * self._elimination
        groups = regressors.penalty_groups().to(diagonal.device)
        self.units = group_units(diagonal, left, groups)
        covered = moments.ff.diagonal(dim1=1, dim2=2)  # (n, F)
        explained = moments.xf[:, CONSTANT].square().sum(dim=1) / self._constant[:, None]
        groups = torch.arange(covered.shape[1], device=covered.device)
        self.future_units = group_units(covered, covered - explained, groups)

    def solve(self, ridge: float) -> BasisWeights:
        """Solve for one ridge λ > 0, counted in the units of each channel."""
        moments = self.moments
        factors, damping = self._factors(ridge * self.units)
        n_channels, _, horizon, n_future = moments.xf.shape
        # the future covariates' coefficients are common to all steps: a small system of their own
        right = torch.cat([moments.xy, moments.xf.flatten(2)], dim=2)  # (n, p, H + H·F)
        centred = right[:, PENALISED] - self._elimination[:, :, None] * right[:, [CONSTANT]]
        own = solve_factorised(factors, centred)
        constant = right[:, CONSTANT] / self._constant[:, None]
        constant = constant - torch.einsum("np,npm->nm", self._elimination, own)
        solved = torch.cat([own, constant[:, None]], dim=1)  # (n, p, H + H·F)
        weight = solved[..., :horizon]
        future = weight.new_zeros(n_channels, n_future)
        if n_future:
            answered = solved[..., horizon:].unflatten(2, (horizon, n_future))
            system = moments.ff - torch.einsum("nphf,nphg->nfg", moments.xf, answered)
            target = moments.fy - torch.einsum("nphf,nph->nf", moments.xf, weight)
            future = solve_penalised(system, target, ridge * self.future_units)
            weight = weight - torch.einsum("nphf,nf->nph", answered, future)
        return BasisWeights(weight.mT.contiguous(), future, damping)

    def _factors(self, penalty: Tensor) -> tuple[Tensor, float]:
        """Return the Cholesky factors of the equations, (n, p - 1, p - 1), and what was added.

        The latter beyond the penalties (n, p - 1), in units of the ridge, of the channel that
        needed the most.
        """
        gram = self.moments.xx[:, PENALISED, PENALISED].clone()
        gram.baddbmm_(self._corner[:, :, None], self._elimination[:, None], alpha=-1)
        gram.diagonal(dim1=1, dim2=2).add_(penalty)
        factors, failed = torch.linalg.cholesky_ex(gram)
        damping = 0.0
        for n in failed.nonzero().flatten().tolist():
            factors[n], more = damped_cholesky(gram[n], torch.zeros_like(penalty[n]))
            damping = max(damping, more / self.units[n].mean().item())
        return factors, damping

"""Ridge regressions of many channels at once, each by itself."""

import torch
from torch import Tensor

from hyperforecast.nn.exact.generated_regression import group_means
from hyperforecast.nn.exact.linear_algebra import damped_cholesky, solve_factorised
from hyperforecast.nn.exact.moments import Moments
from hyperforecast.nn.exact.regressors import CONSTANT, PENALISED, Regressors
from hyperforecast.nn.exact.weights import BasisWeights


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
        self._constant = moments.xx[:, CONSTANT, CONSTANT]  # (n,)
        self._corner = moments.xx[:, CONSTANT, PENALISED]  # (n, p - 1)
        self._elimination = self._corner / self._constant[:, None]
        regressors = regressors or Regressors(self._corner.shape[1])
        diagonal = moments.xx.diagonal(dim1=1, dim2=2)[:, PENALISED]
        removed = self._corner * self._elimination
        groups = regressors.penalty_groups().to(diagonal.device)
        self.units = group_means(diagonal[:, None], removed[:, None], groups)
        diagonal = moments.ff.diagonal(dim1=1, dim2=2)
        removed = moments.xf[:, CONSTANT].square().sum(dim=1) / self._constant[:, None]
        groups = torch.arange(diagonal.shape[1], device=diagonal.device)
        self.future_units = group_means(diagonal[:, None], removed[:, None], groups)

    def solve(self, ridge: float) -> BasisWeights:
        """Solve for one ridge λ > 0, counted in units of each channel's equations."""
        moments = self.moments
        factors, damping = self._factors(ridge)
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
            future = self._solve_future(system, target, ridge)
            weight = weight - torch.einsum("nphf,nf->nph", answered, future)
        return BasisWeights(weight.mT.contiguous(), future, damping)

    def _factors(self, ridge: float) -> tuple[Tensor, float]:
        """Return the Cholesky factors of the damped normal equations, (n, p - 1, p - 1).

        And the most that rounding has made it necessary to add beyond the ridge, in its units.
        """
        gram = self.moments.xx[:, PENALISED, PENALISED].clone()
        gram.baddbmm_(self._corner[:, :, None], self._elimination[:, None], alpha=-1)
        gram.diagonal(dim1=1, dim2=2).add_(ridge * self.units)
        factors, failed = torch.linalg.cholesky_ex(gram)
        damping = 0.0
        for n in failed.nonzero().flatten().tolist():
            factors[n], more = damped_cholesky(gram[n], torch.zeros_like(self.units[n]))
            damping = max(damping, more / self.units[n].mean().item())
        return factors, damping

    def _solve_future(self, systems: Tensor, right: Tensor, ridge: float) -> Tensor:
        """Solve the future covariates' systems (n, F, F), the ridge not yet in them, for (n, F)."""
        scale = self.future_units.rsqrt()
        systems = (systems + systems.mT) / 2 * scale[:, :, None] * scale[:, None]
        systems.diagonal(dim1=1, dim2=2).add_(ridge)
        values, vectors = torch.linalg.eigh(systems)
        # but by rounding no eigenvalue is less than the ridge
        projected = torch.einsum("nfv,nf->nv", vectors, scale * right) / values.clamp(min=ridge)
        return scale * torch.einsum("nfv,nv->nf", vectors, projected)

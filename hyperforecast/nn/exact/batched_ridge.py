"""Ridge regressions of many channels at once, each by itself."""

import torch
from torch import Tensor

from hyperforecast.nn.exact.linear_algebra import damped_cholesky, solve_factorised
from hyperforecast.nn.exact.moments import Moments
from hyperforecast.nn.exact.regressors import CONSTANT, PENALISED
from hyperforecast.nn.exact.weights import BasisWeights


class BatchedRidge:
    """One ridge regression for each of n channels, factorised together.

    Constants are eliminated first and not penalised, so that what is left is centred.

    Parameters
    ----------
    moments : Moments
        Of n channels with p regressors, the last of which is the constant.
    """

    def __init__(self, moments: Moments) -> None:
        self.moments = moments
        corner = moments.xx[:, CONSTANT, PENALISED]  # (n, p - 1)
        self._constant = moments.xx[:, CONSTANT, CONSTANT]  # (n,)
        self._elimination = corner / self._constant[:, None]
        self._corner = corner

    def diagonal(self) -> Tensor:
        """Return the penalised diagonal of the normal equations, centred, (n, p - 1)."""
        diagonal = self.moments.xx.diagonal(dim1=1, dim2=2)[:, PENALISED]
        return (diagonal - self._corner * self._elimination).clamp(min=0)

    def solve(self, damping: Tensor, future_damping: Tensor) -> BasisWeights:
        """Solve with given penalties, (n, p - 1) and (n, F)."""
        moments = self.moments
        factors = self._factors(damping)
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
            system = (system + system.mT) / 2 + torch.diag_embed(future_damping)
            target = moments.fy - torch.einsum("nphf,nph->nf", moments.xf, weight)
            future = _solve_penalised(system, target, future_damping)
            weight = weight - torch.einsum("nphf,nf->nph", answered, future)
        return BasisWeights(weight.mT.contiguous(), future)

    def _factors(self, damping: Tensor) -> Tensor:
        """Return the Cholesky factors of the damped normal equations, (n, p - 1, p - 1)."""
        gram = self.moments.xx[:, PENALISED, PENALISED].clone()
        gram.baddbmm_(self._corner[:, :, None], self._elimination[:, None], alpha=-1)
        gram.diagonal(dim1=1, dim2=2).add_(damping)
        factors, failed = torch.linalg.cholesky_ex(gram)
        for n in failed.nonzero().flatten().tolist():
            factors[n] = damped_cholesky(gram[n], torch.zeros_like(damping[n]))
        return factors


def _solve_penalised(systems: Tensor, right: Tensor, damping: Tensor) -> Tensor:
    """Solve symmetric systems (n, F, F) for (n, F), no eigenvalue less than the damping.

    But by rounding none is, where the damping is in the systems.
    """
    scale = damping.rsqrt()
    values, vectors = torch.linalg.eigh(systems * scale[:, :, None] * scale[:, None])
    projected = torch.einsum("nfv,nf->nv", vectors, scale * right) / values.clamp(min=1.0)
    return scale * torch.einsum("nfv,nv->nf", vectors, projected)

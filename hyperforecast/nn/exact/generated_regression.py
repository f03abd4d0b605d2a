"""Ridge regression for weights that are generated: mixtures of a few basis weights."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from hyperforecast.nn.exact.linear_algebra import (
    LinearMap,
    block_matrix,
    conjugate_gradients,
    damped_cholesky,
    solve_factorised,
    solve_with_least_eigenvalue,
)
from hyperforecast.nn.exact.moments import ChannelMoments, Moments
from hyperforecast.nn.exact.pairs import pair_numbers, pair_weights
from hyperforecast.nn.exact.regressors import CONSTANT, PENALISED, append_constant
from hyperforecast.nn.exact.squared_error import squared_error
from hyperforecast.nn.exact.weights import BasisWeights

MAX_DIRECT = 9_000
"""Size (0.65 GB a matrix) above which the equations are solved by conjugate gradients."""


def is_direct(size: int) -> bool:
    """Say whether equations of a size are factorised, or solved by conjugate gradients."""
    return size <= MAX_DIRECT


class GeneratedRegression:
    r"""Least squares for weights that are mixtures, :math:`W_n = \sum_k u_{nk} W_k`.

    Minimises :math:`\sum_n \|Y_n - W_n X_n\|^2 + \lambda \sum_k \|W_k\|^2`, the constants not
    penalised. With :math:`u_n = [1, z_n]` these are the weights of a linear hypernetwork over the
    channel embedding z; with :math:`u_n = 1`, one weight for all channels.

    Parameters
    ----------
    moments : iterable of (slice, Moments)
        Of C channels with p regressors, the last of which is the constant.
    mixing : Tensor, shape (C, M)
    pairs : Moments, optional
        Sums of the moments over channels by :func:`pair_weights`, where the first column of
        ``mixing`` is one; made of ``moments`` if not given.

    Attributes
    ----------
    scale : float
        Mean of the penalised diagonal of the normal equations after the constants are eliminated,
        which does not depend on the series' level: a natural unit of ridges.
    """

    def __init__(
        self, moments: ChannelMoments, mixing: Tensor, pairs: Moments | None = None
    ) -> None:
        self.moments = moments
        self.mixing = mixing
        self.n_bases = mixing.shape[1]
        first = next(iter(moments))[1] if pairs is None else pairs
        self.n_regressors, self._n_future = first.xx.shape[1], first.ff.shape[1]
        self.size = self.n_bases * self.n_regressors
        self.direct = is_direct(self.size)
        self._last: BasisWeights | None = None
        if self.direct:
            pairs, single, pair = self._numbered(pairs)
            sums = _ChannelSums.of_pairs(pairs, single, pair)
        else:
            sums = _ChannelSums.of_channels(moments, mixing)
        self._target = sums.xy.flatten(0, 1)  # (M·p, H)
        corner = sums.constant[..., PENALISED].flatten(1)  # (M, M·(p-1))
        self._constants = self._factorised_constants(sums.constant[..., CONSTANT])
        # the constants are eliminated: what is left is centred, whatever the series' level
        self._elimination = torch.cholesky_solve(corner, self._constants)
        diagonal = sums.diagonal[:, PENALISED].flatten()
        centred = diagonal - (corner * self._elimination).sum(dim=0)
        self.scale = centred.clamp(min=0).mean().item() if len(centred) else 1.0
        if self.direct:
            assert pairs is not None
            # (M·(p-1), M·(p-1))
            self._gram = block_matrix(pairs.xx[:, PENALISED, PENALISED], pair)
            self._gram.addmm_(corner.T, self._elimination, alpha=-1)
        if self._n_future:
            self._cross = sums.xf.permute(0, 2, 3, 1, 4).flatten(3).flatten(0, 1)
            self._covered = sums.ff.transpose(1, 2).flatten(2).flatten(0, 1)
            self._future_target = sums.fy.flatten()

    def solve(self, ridge: float) -> BasisWeights:
        """Solve for one ridge λ > 0."""
        solver = self._cholesky_solver if self.direct else self._conjugate_gradient_solver
        self._last = self._solve(solver(ridge), ridge)
        return self._last

    def objective(self, weights: BasisWeights, ridge: float) -> float:
        """Return what is minimised: squared error plus penalty."""
        error = squared_error(self.moments, weights, self.mixing)
        penalty = weights.weight[..., PENALISED].square().sum() + weights.future.square().sum()
        return error + ridge * penalty.item()

    def _numbered(self, pairs: Moments | None) -> tuple[Moments, Tensor, Tensor]:
        """Return sums by pairs, and the numbers of each basis weight (M,) and pair (M, M)."""
        numbers = pair_numbers(self.n_bases).to(self.mixing.device)
        if pairs is not None:
            return pairs, numbers[0], numbers
        # a mixing may lack the column of ones by which sums of single weights are among the pairs
        mixing = torch.cat([self.mixing.new_ones(len(self.mixing), 1), self.mixing], dim=1)
        sums = [chunk.summed(pair_weights(mixing[c])) for c, chunk in self.moments]
        numbers = pair_numbers(self.n_bases + 1).to(self.mixing.device)
        return sum(sums[1:], start=sums[0]), numbers[0, 1:], numbers[1:, 1:]

    def _factorised_constants(self, constants: Tensor) -> Tensor:
        """Return the Cholesky factor of the constants' products with each other, (M, M)."""
        limits = torch.finfo(constants.dtype)
        # for embedding columns of zeros; more would show at levels far from zero
        floor = limits.eps * constants.diagonal().max() + limits.tiny
        return damped_cholesky(constants.contiguous(), floor.expand(self.n_bases))

    def _solve(self, solve: LinearMap, ridge: float) -> BasisWeights:
        """Solve for the weights, and for the future covariates' coefficients by elimination."""
        own = solve(self._target)  # (M·p, H)
        future = own.new_zeros(self.n_bases * self._n_future)
        if self._n_future:
            # common to all steps, so one small system over all of them
            answered = solve(self._cross.flatten(1)).view_as(self._cross)  # (M·p, H, M·F)
            system = self._covered - torch.einsum("phf,phg->fg", self._cross, answered)
            system.diagonal().add_(ridge)
            right = self._future_target - torch.einsum("phf,ph->f", self._cross, own)
            # no eigenvalue is less than the ridge, but by rounding where covariates repeat other
            # regressors
            future = solve_with_least_eigenvalue(system, right, ridge)
            own = own - answered @ future
        weight = own.view(self.n_bases, self.n_regressors, -1).mT.contiguous()
        return BasisWeights(weight, future.view(self.n_bases, self._n_future))

    @property
    def _jitter(self) -> float:
        """Far below any ridge: keeps apart what several basis weights could share."""
        return 1e-12 * self.scale + torch.finfo(self._target.dtype).tiny

    def _cholesky_solver(self, ridge: float) -> LinearMap:
        # a whole path of ridges costs less this way than one eigendecomposition
        damping = self._gram.new_full((len(self._gram),), ridge + self._jitter)
        factor = damped_cholesky(self._gram, damping)

        def solve(right: Tensor) -> Tensor:
            blocks = right.view(self.n_bases, self.n_regressors, -1)
            constant = blocks[:, CONSTANT]  # (M, m)
            own = blocks[:, PENALISED].reshape(len(self._gram), -1) - self._elimination.T @ constant
            own = solve_factorised(factor, own)
            constant = torch.cholesky_solve(constant, self._constants) - self._elimination @ own
            own = own.view(self.n_bases, self.n_regressors - 1, -1)
            return append_constant(own, constant).flatten(0, 1)

        return solve

    def _conjugate_gradient_solver(self, ridge: float) -> LinearMap:
        """Solve by conjugate gradients, never forming the (M·p)² matrix.

        Preconditioned by the diagonal blocks, one for each basis weight; started from the last
        solution.
        """
        blocks = sum(
            (self.mixing[c].square().T @ chunk.xx.flatten(1)).unflatten(1, chunk.xx.shape[1:])
            for c, chunk in self.moments
        )
        damping = torch.full_like(blocks[..., 0], ridge + self._jitter)
        damping[:, CONSTANT] = self._jitter
        factors = torch.stack(
            [damped_cholesky(block, one) for block, one in zip(blocks, damping, strict=True)]
        )

        def apply(x: Tensor) -> Tensor:
            stacked = x.view(self.n_bases, self.n_regressors, -1)
            total = damping[..., None] * stacked
            for channels, chunk in self.moments:
                u = self.mixing[channels]
                answered = torch.bmm(chunk.xx, torch.einsum("nk,kph->nph", u, stacked))
                total = total + torch.einsum("nk,nph->kph", u, answered)
            return total.flatten(0, 1)

        def precondition(r: Tensor) -> Tensor:
            stacked = r.view(self.n_bases, self.n_regressors, -1)
            return torch.cholesky_solve(stacked, factors).flatten(0, 1)

        def solve(right: Tensor) -> Tensor:
            start = torch.zeros_like(right)
            if self._last is not None and right is self._target:
                start = self._last.weight.mT.reshape(self.size, -1)
            return conjugate_gradients(apply, right, precondition, start)

        return solve


@dataclass(frozen=True)
class _ChannelSums:
    """Sums of moments over channels, weighted by one or two mixing weights each."""

    xy: Tensor  # (M, p, H)
    diagonal: Tensor  # (M, p), of the regressors with themselves
    constant: Tensor  # (M, M, p), regressors with the constant
    xf: Tensor  # (M, M, p, H, F)
    ff: Tensor  # (M, M, F, F)
    fy: Tensor  # (M, F)

    @classmethod
    def of_pairs(cls, pairs: Moments, single: Tensor, pair: Tensor) -> Self:
        """Pick them out of sums by :func:`pair_weights`, where those have the given numbers."""
        return cls(
            pairs.xy[single],
            pairs.xx.diagonal(dim1=1, dim2=2)[pair.diagonal()],
            pairs.xx[:, CONSTANT][pair],
            pairs.xf[pair],
            pairs.ff[pair],
            pairs.fy[single],
        )

    @classmethod
    def of_channels(cls, moments: ChannelMoments, mixing: Tensor) -> Self:
        """Sum over channels, never holding all pairs of their products."""
        total: list[Tensor] = []
        for channels, chunk in moments:
            u = mixing[channels]
            new = [
                torch.einsum("nk,nph->kph", u, chunk.xy),
                u.square().T @ chunk.xx.diagonal(dim1=1, dim2=2),
                torch.einsum("nk,nl,np->klp", u, u, chunk.xx[:, CONSTANT]),
                torch.einsum("nk,nl,nphf->klphf", u, u, chunk.xf),
                torch.einsum("nk,nl,nfg->klfg", u, u, chunk.ff),
                u.T @ chunk.fy,
            ]
            total = [a + b for a, b in zip(total, new, strict=True)] if total else new
        return cls(*total)

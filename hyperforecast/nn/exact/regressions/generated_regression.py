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
    pseudo_inverse,
    solve_factorised,
)
from hyperforecast.nn.exact.moments.moments import ChannelMoments, Moments
from hyperforecast.nn.exact.moments.pairs import pair_numbers, pair_weights
from hyperforecast.nn.exact.regressions.future_elimination import PartialSolution, solve_future
from hyperforecast.nn.exact.regressions.ridge_units import group_units
from hyperforecast.nn.exact.regressions.squared_error import squared_error
from hyperforecast.nn.exact.regressions.weights import BasisWeights
from hyperforecast.nn.exact.windows.regressors import (
    CONSTANT,
    PENALISED,
    Regressors,
    append_constant,
)

MAX_DIRECT = 9_000
"""Size (0.65 GB a matrix) above which the equations are solved by conjugate gradients."""


def is_direct(size: int) -> bool:
    """Say whether equations of a size are factorised, or solved by conjugate gradients."""
    return size <= MAX_DIRECT


class GeneratedRegression:
    r"""Least squares for weights that are mixtures, :math:`W_n = \sum_k u_{nk} W_k`.

    Minimises :math:`\sum_n \|Y_n - W_n X_n\|^2 + \lambda \sum_{kj} s_j \|W_{kj}\|^2` over
    regressors j, the constants not penalised. With :math:`u_n = [1, z_n]` these are the weights of
    a linear hypernetwork over the channel embedding z; with :math:`u_n = 1`, one weight for all
    channels.

    Parameters
    ----------
    moments : iterable of (slice, Moments)
        Of C channels with p regressors, the last of which is the constant.
    mixing : Tensor, shape (C, M)
    pairs : Moments, optional
        Sums of the moments over channels by :func:`pair_weights`, where the first column of
        ``mixing`` is one; made of ``moments`` if not given.
    regressors : Regressors, optional
        Where each group of regressors lies; all are lags of the channel's own if not given.

    Attributes
    ----------
    units : Tensor, shape (p - 1,)
        Units s of the ridge: for each group of regressors the mean of its diagonal in the normal
        equations after the constants are eliminated. So a ridge means the same for lags of small
        deviation as for a covariate of a large one, and does not depend on the series' level.
    future_units : Tensor, shape (F,)
        Likewise of each future covariate.
    damping : float
        Ridge that was added in the last solution, because rounding had made the equations
        indefinite; zero where they were not.
    """

    def __init__(
        self,
        moments: ChannelMoments,
        mixing: Tensor,
        pairs: Moments | None = None,
        regressors: Regressors | None = None,
    ) -> None:
        self.moments = moments
        self.mixing = mixing
        self.n_bases = mixing.shape[1]
        self.damping = 0.0
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
        corners = sums.constant[..., PENALISED]  # (M, M, p-1)
        self._corner = corners.flatten(1)
        # the vectors [1, z] may span less than their length: the constants are solved for in that
        self._constants = pseudo_inverse(sums.constant[..., CONSTANT])
        # the constants are eliminated: what is left is centred, whatever the series' level
        self._elimination = self._constants @ self._corner
        regressors = regressors or Regressors(self.n_regressors - 1)
        diagonal = sums.diagonal[:, PENALISED]  # (M, p-1)
        removed = (self._corner * self._elimination).sum(dim=0).view_as(diagonal)
        groups = regressors.penalty_groups().to(diagonal.device)
        self.units = _units(diagonal, removed, groups)
        if self.direct:
            assert pairs is not None
            # (M·(p-1), M·(p-1))
            self._gram = block_matrix(pairs.xx[:, PENALISED, PENALISED], pair)
            self._gram.addmm_(self._corner.T, self._elimination, alpha=-1)
        self.future_units = self.units.new_zeros(self._n_future)
        if self._n_future:
            self._cross = sums.xf.permute(0, 2, 3, 1, 4).flatten(3).flatten(0, 1)
            self._covered = sums.ff.transpose(1, 2).flatten(2).flatten(0, 1)
            self._future_target = sums.fy.flatten()
            constants = self._cross.unflatten(0, (self.n_bases, -1))[:, CONSTANT]  # (M, H, M·F)
            explained = torch.einsum("khf,kl,lhf->f", constants, self._constants, constants)
            diagonal = self._covered.diagonal().view(self.n_bases, -1)
            groups = torch.arange(self._n_future, device=diagonal.device)
            self.future_units = _units(diagonal, explained.view_as(diagonal), groups)

    def solve(self, ridge: float) -> BasisWeights:
        """Solve for one ridge λ > 0, counted in :attr:`units`."""
        part = self.partial(ridge)
        future = solve_future([part], self.future_units.repeat(self.n_bases), ridge)
        self._last = self.as_weights(part.weights(future), future)
        return self._last

    def partial(self, ridge: float) -> PartialSolution:
        """Solve for all but the coefficients of the future covariates."""
        solver = self._cholesky_solver if self.direct else self._conjugate_gradient_solver
        solve = self._centred(solver(ridge))
        own = solve(self._target)  # (M·p, H)
        if not self._n_future:
            return PartialSolution(own, own[..., None][..., :0], own.new_zeros(0, 0), own[0, :0])
        # common to all steps, so one small system over all of them
        answered = solve(self._cross.flatten(1)).view_as(self._cross)  # (M·p, H, M·F)
        system = self._covered - torch.einsum("phf,phg->fg", self._cross, answered)
        right = self._future_target - torch.einsum("phf,ph->f", self._cross, own)
        return PartialSolution(own, answered, system, right)

    def as_weights(self, own: Tensor, future: Tensor) -> BasisWeights:
        """Return solutions (M·p, H) and (M·F,) as basis weights."""
        weight = own.view(self.n_bases, self.n_regressors, -1).mT.contiguous()
        return BasisWeights(weight, future.view(self.n_bases, self._n_future), self.damping)

    def objective(self, weights: BasisWeights, ridge: float) -> float:
        """Return what is minimised: squared error plus penalty."""
        error = squared_error(self.moments, weights, self.mixing)
        penalty = (weights.weight[..., PENALISED].square() * self.units).sum()
        penalty = penalty + (weights.future.square() * self.future_units).sum()
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

    def _centred(self, solve: LinearMap) -> LinearMap:
        """Extend a solution for the penalised regressors, (M·(p-1), m), to the constants."""

        def solve_all(right: Tensor) -> Tensor:
            blocks = right.view(self.n_bases, self.n_regressors, -1)
            constant = blocks[:, CONSTANT]  # (M, m)
            own = blocks[:, PENALISED].flatten(0, 1) - self._elimination.T @ constant
            own = solve(own)
            constant = self._constants @ constant - self._elimination @ own
            own = own.view(self.n_bases, self.n_regressors - 1, -1)
            return append_constant(own, constant).flatten(0, 1)

        return solve_all

    def _cholesky_solver(self, ridge: float) -> LinearMap:
        # a whole path of ridges costs less this way than one eigendecomposition
        factor, more = damped_cholesky(self._gram, ridge * self.units.repeat(self.n_bases))
        self.damping = more / self.units.mean().item() if more else 0.0
        return lambda right: solve_factorised(factor, right)

    def _conjugate_gradient_solver(self, ridge: float) -> LinearMap:
        """Solve by conjugate gradients, never forming the (M·p)² matrix.

        Preconditioned by the diagonal blocks, one for each basis weight; started from the last
        solution.
        """
        blocks = sum(
            (self.mixing[c].square().T @ chunk.xx.flatten(1)).unflatten(1, chunk.xx.shape[1:])
            for c, chunk in self.moments
        )[:, PENALISED, PENALISED]
        n_penalised = self.n_regressors - 1
        corners = self._corner.unflatten(1, (self.n_bases, n_penalised)).transpose(0, 1)
        blocks = blocks - corners.mT @ self._constants @ corners  # (M, p-1, p-1)
        damping = ridge * self.units
        factors = torch.stack([damped_cholesky(block, damping)[0] for block in blocks])

        def apply(x: Tensor) -> Tensor:
            stacked = x.view(self.n_bases, n_penalised, -1)
            total = damping[:, None] * stacked
            for channels, chunk in self.moments:
                u, gram = self.mixing[channels], chunk.xx[:, PENALISED, PENALISED]
                answered = torch.bmm(gram, torch.einsum("nk,kph->nph", u, stacked))
                total = total + torch.einsum("nk,nph->kph", u, answered)
            return total.flatten(0, 1) - self._corner.T @ (self._elimination @ x)

        def precondition(r: Tensor) -> Tensor:
            stacked = r.view(self.n_bases, n_penalised, -1)
            return torch.cholesky_solve(stacked, factors).flatten(0, 1)

        first = self._last

        def solve(right: Tensor) -> Tensor:
            nonlocal first
            start = torch.zeros_like(right)
            if first is not None:  # the last solution, of the equations that are solved first
                start = first.weight[..., PENALISED].mT.reshape(right.shape)
                first = None
            return conjugate_gradients(apply, right, precondition, start)

        return solve


def _units(diagonal: Tensor, removed: Tensor, groups: Tensor) -> Tensor:
    """Return the units of regressors, (p,), whose diagonals (M, p) count for all basis weights."""
    left = (diagonal - removed).clamp(min=0)
    return group_units(diagonal.mean(dim=0)[None], left.mean(dim=0)[None], groups)[0]


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

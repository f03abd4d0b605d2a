"""Ridge regression of shared, generated and per-channel weights from moments."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from hyperforecast.nn.exact.moments import Moments

MAX_DIRECT = 9_000
"""Size (0.65 GB a matrix) above which the equations are solved by conjugate gradients."""

Solver = Callable[[Tensor], Tensor]

ChannelMoments = Iterable[tuple[slice, Moments]]
"""Moments of all channels, a piece of them at a time, to be iterated over more than once."""


@dataclass(frozen=True)
class Weights:
    """Solved weights: those of a channel with mixing vector u are the sum over k of u_k W_k.

    Attributes
    ----------
    weight : Tensor, shape (K, H, p)
        Of the regressors.
    future : Tensor, shape (K, F)
        Of the future covariates, the same for every step.
    """

    weight: Tensor
    future: Tensor

    def of_channels(self, mixing: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weights of channels with mixing vectors (n, K): (n, H, p) and (n, F)."""
        weight = (mixing @ self.weight.flatten(1)).unflatten(1, self.weight.shape[1:])
        return weight, mixing @ self.future


def pair_numbers(n_mixed: int) -> Tensor:
    """Number the pairs of mixed weights, those of fewer weights first: (K, K), symmetric."""
    k = torch.arange(n_mixed)
    smaller, larger = torch.minimum(k[:, None], k), torch.maximum(k[:, None], k)
    return larger * (larger + 1) // 2 + smaller


def pair_weights(mixing: Tensor) -> Tensor:
    r"""Return :math:`u_{nk} u_{nl}` for every pair k <= l: (C, K) -> (C, K (K + 1) / 2).

    Sums over channels with these weights are all that a regression needs of the moments if the
    first of its mixing weights is one.
    """
    larger, smaller = torch.tril_indices(mixing.shape[1], mixing.shape[1])
    return mixing[:, smaller] * mixing[:, larger]


@dataclass(frozen=True)
class _Sums:
    """Sums over channels, weighted by one or two mixing weights each."""

    xy: Tensor  # (K, p, H)
    diagonal: Tensor  # (K, p), of the regressors with themselves
    constant: Tensor  # (K, K, p), regressors with the constant
    xf: Tensor  # (K, K, p, H, F)
    ff: Tensor  # (K, K, F, F)
    fy: Tensor  # (K, F)

    @classmethod
    def of_pairs(cls, pairs: Moments, single: Tensor, pair: Tensor) -> Self:
        """Pick them out of sums by :func:`pair_weights`, where those have the given numbers."""
        return cls(
            pairs.xy[single],
            pairs.xx.diagonal(dim1=1, dim2=2)[pair.diagonal()],
            pairs.xx[:, -1][pair],
            pairs.xf[pair],
            pairs.ff[pair],
            pairs.fy[single],
        )

    @classmethod
    def of_channels(cls, moments: ChannelMoments, mixing: Tensor) -> Self:
        """Sum over channels, never holding all pairs of their products."""
        total: list[Tensor] = []
        for channels, piece in moments:
            u = mixing[channels]
            new = [
                torch.einsum("nk,nph->kph", u, piece.xy),
                u.square().T @ piece.xx.diagonal(dim1=1, dim2=2),
                torch.einsum("nk,nl,np->klp", u, u, piece.xx[:, -1]),
                torch.einsum("nk,nl,nphf->klphf", u, u, piece.xf),
                torch.einsum("nk,nl,nfg->klfg", u, u, piece.ff),
                u.T @ piece.fy,
            ]
            total = [a + b for a, b in zip(total, new, strict=True)] if total else new
        return cls(*total)


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
    mixing : Tensor, shape (C, K)
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
        self.n_mixed = mixing.shape[1]
        first = next(iter(moments))[1] if pairs is None else pairs
        self.n_regressors, self._n_future = first.xx.shape[1], first.ff.shape[1]
        self.size = self.n_mixed * self.n_regressors
        self.direct = is_direct(self.size)
        self._last: Weights | None = None
        if self.direct:
            pairs, single, pair = self._numbered(pairs)
            sums = _Sums.of_pairs(pairs, single, pair)
        else:
            sums = _Sums.of_channels(moments, mixing)
        self._target = sums.xy.flatten(0, 1)  # (K·p, H)

        # the constants are eliminated: what is left is centred, whatever the series' level
        constants = sums.constant[..., -1].contiguous()
        limits = torch.finfo(mixing.dtype)
        # for embedding columns of zeros; more would show at levels far from zero
        floor = limits.eps * constants.diagonal().max() + limits.tiny
        self._constants = damped_cholesky(constants, floor.expand(self.n_mixed))
        corner = sums.constant[..., :-1].flatten(1)  # (K, K·(p-1))
        self._elimination = torch.cholesky_solve(corner, self._constants)
        centred = sums.diagonal[:, :-1].flatten() - (corner * self._elimination).sum(dim=0)
        self.scale = centred.clamp(min=0).mean().item() if len(centred) else 1.0
        if self.direct:
            assert pairs is not None
            self._gram = _square(pairs.xx[:, :-1, :-1], pair)  # (K·(p-1), K·(p-1))
            self._gram.addmm_(corner.T, self._elimination, alpha=-1)
        if self._n_future:
            self._cross = sums.xf.permute(0, 2, 3, 1, 4).flatten(3).flatten(0, 1)
            self._covered = sums.ff.transpose(1, 2).flatten(2).flatten(0, 1)
            self._future_target = sums.fy.flatten()

    def _numbered(self, pairs: Moments | None) -> tuple[Moments, Tensor, Tensor]:
        """Return sums by pairs, and the numbers of each mixed weight (K,) and pair (K, K)."""
        numbers = pair_numbers(self.n_mixed).to(self.mixing.device)
        if pairs is not None:
            return pairs, numbers[0], numbers
        # a mixing may lack the column of ones by which sums of single weights are among the pairs
        mixing = torch.cat([self.mixing.new_ones(len(self.mixing), 1), self.mixing], dim=1)
        sums = [piece.mixed(pair_weights(mixing[c])) for c, piece in self.moments]
        numbers = pair_numbers(self.n_mixed + 1).to(self.mixing.device)
        return sum(sums[1:], start=sums[0]), numbers[0, 1:], numbers[1:, 1:]

    def solve(self, ridge: float) -> Weights:
        """Solve for one ridge λ > 0."""
        solver = self._cholesky_solver if self.direct else self._gradient_solver
        self._last = self._solve(solver(ridge), ridge)
        return self._last

    def objective(self, weights: Weights, ridge: float) -> float:
        """Return what is minimised: squared error plus penalty."""
        error = squared_error(self.moments, weights, self.mixing)
        penalty = weights.weight[..., :-1].square().sum() + weights.future.square().sum()
        return error + ridge * penalty.item()

    def _solve(self, solve: Solver, ridge: float) -> Weights:
        """Solve for the weights, and for the future covariates' coefficients by elimination."""
        own = solve(self._target)  # (K·p, H)
        future = own.new_zeros(self.n_mixed * self._n_future)
        if self._n_future:
            # common to all steps, so one small system over all of them
            answered = solve(self._cross.flatten(1)).view_as(self._cross)  # (K·p, H, K·F)
            system = self._covered - torch.einsum("phf,phg->fg", self._cross, answered)
            system.diagonal().add_(ridge)
            right = self._future_target - torch.einsum("phf,ph->f", self._cross, own)
            values, vectors = torch.linalg.eigh((system + system.T) / 2)
            # none is less than the ridge, but by rounding where covariates repeat other regressors
            future = vectors @ ((vectors.T @ right) / values.clamp(min=ridge))
            own = own - answered @ future
        weight = own.view(self.n_mixed, self.n_regressors, -1).mT.contiguous()
        return Weights(weight, future.view(self.n_mixed, self._n_future))

    @property
    def _jitter(self) -> float:
        """Far below any ridge: keeps apart what several mixed weights could share."""
        return 1e-12 * self.scale + torch.finfo(self._target.dtype).tiny

    def _cholesky_solver(self, ridge: float) -> Solver:
        # a whole path of ridges costs less this way than one eigendecomposition
        damping = self._gram.new_full((len(self._gram),), ridge + self._jitter)
        factor = damped_cholesky(self._gram, damping)

        def solve(right: Tensor) -> Tensor:
            blocks = right.view(self.n_mixed, self.n_regressors, -1)
            constant = blocks[:, -1]  # (K, m)
            own = blocks[:, :-1].reshape(len(self._gram), -1) - self._elimination.T @ constant
            own = torch.linalg.solve_triangular(factor, own, upper=False)  # twice potrs' speed
            own = torch.linalg.solve_triangular(factor.mT, own, upper=True)
            constant = torch.cholesky_solve(constant, self._constants) - self._elimination @ own
            own = own.view(self.n_mixed, self.n_regressors - 1, -1)
            return torch.cat([own, constant[:, None]], dim=1).flatten(0, 1)

        return solve

    def _gradient_solver(self, ridge: float) -> Solver:
        """Solve by conjugate gradients, never forming the (K·p)² matrix.

        Preconditioned by the diagonal blocks, one for each mixed weight; started from the last
        solution.
        """
        blocks = sum(
            (self.mixing[c].square().T @ piece.xx.flatten(1)).unflatten(1, piece.xx.shape[1:])
            for c, piece in self.moments
        )
        damping = torch.full_like(blocks[..., 0], ridge + self._jitter)
        damping[:, -1] = self._jitter  # the constants are not penalised
        factors = torch.stack(
            [damped_cholesky(block, one) for block, one in zip(blocks, damping, strict=True)]
        )

        def apply(x: Tensor) -> Tensor:
            stacked = x.view(self.n_mixed, self.n_regressors, -1)
            total = damping[..., None] * stacked
            for channels, piece in self.moments:
                u = self.mixing[channels]
                answered = torch.bmm(piece.xx, torch.einsum("nk,kph->nph", u, stacked))
                total = total + torch.einsum("nk,nph->kph", u, answered)
            return total.flatten(0, 1)

        def precondition(r: Tensor) -> Tensor:
            stacked = r.view(self.n_mixed, self.n_regressors, -1)
            return torch.cholesky_solve(stacked, factors).flatten(0, 1)

        def solve(right: Tensor) -> Tensor:
            start = torch.zeros_like(right)
            if self._last is not None and right is self._target:
                start = self._last.weight.mT.reshape(self.size, -1)
            return conjugate_gradients(apply, right, precondition, start)

        return solve


class ChannelRegression:
    """One ridge regression for each channel: weights that share nothing.

    The same interface as :class:`GeneratedRegression`, whose limit it is for mixing vectors that
    are one-hot; the ridge is the same for every channel.
    """

    def __init__(self, moments: ChannelMoments) -> None:
        self.moments = moments
        one: Tensor | None = None
        self._channels: list[GeneratedRegression] = []
        for _, piece in moments:
            one = piece.xx.new_ones(1, 1)
            for n in range(len(piece.xx)):
                channel = piece.channels(slice(n, n + 1))
                self._channels.append(GeneratedRegression([(slice(0, 1), channel)], one, channel))
        assert one is not None
        self.mixing = torch.eye(len(self._channels), dtype=one.dtype, device=one.device)
        self.scale = sum(channel.scale for channel in self._channels) / len(self._channels)

    def solve(self, ridge: float) -> Weights:
        """Solve for one ridge λ > 0."""
        solved = [channel.solve(ridge) for channel in self._channels]
        return Weights(
            torch.cat([weights.weight for weights in solved]),
            torch.cat([weights.future for weights in solved]),
        )


def squared_error(moments: ChannelMoments, weights: Weights, mixing: Tensor) -> float:
    """Return the squared error of solved weights, summed over windows, steps and channels."""
    return sum(
        piece.squared_error(*weights.of_channels(mixing[channels])).sum().item()
        for channels, piece in moments
    )


def pairs_squared_error(pairs: Moments, weights: Weights) -> float:
    """Return the same as :func:`squared_error` from sums over channels by :func:`pair_weights`."""
    weight, future = weights.weight, weights.future  # (K, H, p), (K, F)
    larger, smaller = torch.tril_indices(len(weight), len(weight)).to(weight.device)
    pairs = pairs.channels(slice(len(larger)))
    times = torch.where(smaller == larger, 1.0, 2.0).to(weight)  # a pair stands for both orders
    single = pair_numbers(len(weight))[0].to(weight.device)

    fitted = torch.bmm(weight[smaller], pairs.xx)
    error = pairs.yy[0] + (fitted * weight[larger]).sum(dim=(1, 2)) @ times
    error = error - 2 * (pairs.xy[single] * weight.mT).sum()
    if future.shape[1]:
        for one, two in ((smaller, larger), (larger, smaller)):
            error = error + times @ torch.einsum(
                "mhp,mphf,mf->m", weight[one], pairs.xf, future[two]
            )
        error = error + times @ torch.einsum(
            "mf,mfg,mg->m", future[smaller], pairs.ff, future[larger]
        )
        error = error - 2 * (pairs.fy[single] * future).sum()
    return error.item()


def _square(pieces: Tensor, number: Tensor) -> Tensor:
    """Lay out blocks (P, m, m), numbered by (K, K), as a matrix (K·m, K·m)."""
    n_mixed, width = len(number), pieces.shape[1]
    square = pieces.new_empty(n_mixed, width, n_mixed, width)
    for k, row in enumerate(number.tolist()):
        for j, block in enumerate(row):
            square[k, :, j] = pieces[block]
    return square.view(n_mixed * width, n_mixed * width)


def damped_cholesky(gram: Tensor, damping: Tensor) -> Tensor:
    """Return the Cholesky factor of a Gram matrix with ``damping`` added to its diagonal.

    Where rounding has made that indefinite, as it does to moments of series that are constant,
    more is added, until nothing but zero is left to solve for.
    """
    diagonal = gram.diagonal()
    undamped = diagonal.clone()
    eps = torch.finfo(gram.dtype).eps
    more = 0.0
    try:  # on the diagonal itself: a copy would take as long as a solution
        for share in (10 * eps, 1e4 * eps, 1e8 * eps, 2.0 * len(gram)):
            diagonal.copy_(undamped + damping + more)
            factor, failed = torch.linalg.cholesky_ex(gram)
            if not failed:
                return factor
            diagonal.copy_(undamped)
            more = share * gram.abs().max().item()
        diagonal.copy_(undamped + damping + more)
        return torch.linalg.cholesky(gram)
    finally:
        diagonal.copy_(undamped)


def conjugate_gradients(
    apply: Solver,
    right: Tensor,
    precondition: Solver,
    start: Tensor,
    tolerance: float = 1e-10,
    max_steps: int = 2000,
) -> Tensor:
    """Solve a symmetric positive definite system for all columns of ``right`` at once.

    Raises
    ------
    RuntimeError
        If a column's residual is not below ``tolerance`` times its right-hand side after
        ``max_steps``.
    """
    x = start
    residual = right - apply(x)
    direction = precondition(residual)
    energy = (residual * direction).sum(dim=0)
    goal = tolerance * right.norm(dim=0).clamp(min=torch.finfo(right.dtype).tiny)
    for _ in range(max_steps):
        if (residual.norm(dim=0) <= goal).all():
            return x
        applied = apply(direction)
        curvature = (direction * applied).sum(dim=0)
        step = torch.where(curvature > 0, energy / curvature.clamp(min=1e-300), 0.0)
        x = x + step * direction
        residual = residual - step * applied
        conditioned = precondition(residual)
        previous, energy = energy, (residual * conditioned).sum(dim=0)
        direction = conditioned + direction * torch.where(
            previous > 0, energy / previous.clamp(min=1e-300), 0.0
        )
    raise RuntimeError(
        f"Conjugate gradients did not reach a relative residual of {tolerance} in {max_steps} "
        "steps: the equations are too ill-conditioned for their size. Use a larger ridge, or a "
        "smaller channel_embedding_dim or lookback, so that they can be factorised."
    )

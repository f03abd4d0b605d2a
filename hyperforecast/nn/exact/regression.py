"""Ridge regression of shared, generated and per-channel weights from moments."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

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

    Attributes
    ----------
    scale : float
        Mean of the penalised diagonal of the normal equations after the constants are eliminated,
        which does not depend on the series' level: a natural unit of ridges.
    """

    def __init__(self, moments: ChannelMoments, mixing: Tensor) -> None:
        self.moments = moments
        self.mixing = mixing
        self.n_mixed = mixing.shape[1]
        _, first = next(iter(moments))
        self.n_regressors, self._n_future = first.xx.shape[1], first.ff.shape[1]
        self.size = self.n_mixed * self.n_regressors
        self.direct = self.size <= MAX_DIRECT
        self._last: Weights | None = None

        penalised = mixing.new_ones(self.n_mixed, self.n_regressors)
        penalised[:, -1] = 0.0
        self._penalty = penalised.flatten()
        sums: list[Tensor] = []
        for channels, piece in moments:
            u = mixing[channels]
            outer = (u[:, :, None] * u[:, None, :]).flatten(1)  # (n, K·K)
            new = [
                torch.einsum("nk,nph->kph", u, piece.xy),
                u.square().T @ piece.xx.diagonal(dim1=1, dim2=2)[:, :-1],
                outer.T @ piece.xx[:, -1],
            ]
            if self.direct:
                new.append(outer.T @ piece.xx.flatten(1))
            if self._n_future:
                new += [
                    outer.T @ piece.xf.flatten(1),
                    outer.T @ piece.ff.flatten(1),
                    u.T @ piece.fy,
                ]
            sums = [a + b for a, b in zip(sums, new, strict=True)] if sums else new
        self._target = sums.pop(0).flatten(0, 1)  # (K·p, H)

        # the constants are eliminated: what is left is centred, whatever the series' level
        diagonal = sums.pop(0).flatten()  # (K·(p-1),)
        corner = sums.pop(0).view(self.n_mixed, self.n_mixed, -1).transpose(1, 2)  # (K, p, K)
        constants = corner[:, -1].contiguous()
        limits = torch.finfo(mixing.dtype)
        # for embedding columns of zeros; more would show at levels far from zero
        floor = limits.eps * constants.diagonal().max() + limits.tiny
        self._constants = damped_cholesky(constants, floor.expand(self.n_mixed))
        corner = corner[:, :-1].flatten(0, 1)  # (K·(p-1), K)
        self._elimination = torch.cholesky_solve(corner.T, self._constants)
        centred = diagonal - (corner * self._elimination.T).sum(dim=1)
        self.scale = centred.clamp(min=0).mean().item() if len(centred) else 1.0
        if self.direct:
            self._gram = self._square(sums.pop(0), trim=1)  # (K·(p-1), K·(p-1))
            self._gram.addmm_(corner, self._elimination, alpha=-1)
        if self._n_future:
            horizon = self._target.shape[1]
            products = sums.pop(0).view(
                self.n_mixed, self.n_mixed, self.n_regressors, horizon, self._n_future
            )
            self._cross = products.permute(0, 2, 3, 1, 4).flatten(3).flatten(0, 1)
            self._covered = self._square(sums.pop(0))
            self._future_target = sums.pop(0).flatten()

    def _square(self, blocks: Tensor, trim: int = 0) -> Tensor:
        """Lay out K·K blocks (K·K, m·m), less ``trim`` last rows and columns, as a matrix."""
        width = round(blocks.shape[1] ** 0.5)
        left = width - trim
        blocks = blocks.view(self.n_mixed, self.n_mixed, width, width)[..., :left, :left]
        square = blocks.new_empty(self.n_mixed, left, self.n_mixed, left)
        square.copy_(blocks.transpose(1, 2))
        return square.view(self.n_mixed * left, self.n_mixed * left)

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
            factor = torch.linalg.cholesky((system + system.T) / 2)
            future = torch.cholesky_solve(right[:, None], factor).squeeze(1)
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
            own = torch.cholesky_solve(own, factor)
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
        damping = (ridge * self._penalty + self._jitter).view(self.n_mixed, -1)
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
            self._channels += [
                GeneratedRegression([(slice(0, 1), piece.channel(n))], one)
                for n in range(len(piece.xx))
            ]
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

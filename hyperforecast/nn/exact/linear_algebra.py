"""Linear algebra of symmetric matrices: assembling, factorising and solving."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

LinearMap = Callable[[Tensor], Tensor]
"""From the columns of a matrix (n, m) to as many columns of the same length."""

LEAST_EIGENVALUE = 1e-10
"""Part of the largest eigenvalue below which another is taken for rounding."""


def set_symmetric(matrices: Tensor, rows: slice, columns: slice, block: Tensor) -> None:
    """Set a block off the diagonal of symmetric matrices (..., n, n), and its mirror image."""
    matrices[..., rows, columns] = block
    matrices[..., columns, rows] = block.mT


def block_matrix(blocks: Tensor, number: Tensor) -> Tensor:
    """Lay out blocks (P, m, m), numbered by (n, n), as a matrix (n·m, n·m)."""
    n_blocks, width = len(number), blocks.shape[1]
    matrix = blocks.new_empty(n_blocks, width, n_blocks, width)
    for k, row in enumerate(number.tolist()):
        for j, block in enumerate(row):
            matrix[k, :, j] = blocks[block]
    return matrix.view(n_blocks * width, n_blocks * width)


def damped_cholesky(gram: Tensor, damping: Tensor) -> tuple[Tensor, float]:
    """Return the Cholesky factor of a Gram matrix with ``damping`` added to its diagonal.

    Where rounding has made that indefinite, more is added: as little as will do, from the rounding
    of the largest entry on, ten times as much at every step.

    Returns
    -------
    factor : Tensor
    more : float
        What was added beyond ``damping``.
    """
    diagonal = gram.diagonal()
    undamped = diagonal.clone()
    largest = max(map(abs, torch.stack(gram.aminmax()).tolist()))
    if not math.isfinite(largest):
        raise RuntimeError(f"A Gram matrix must be finite; its largest entry is {largest}.")
    limits = torch.finfo(gram.dtype)
    more, least = 0.0, limits.eps * largest + limits.tiny
    try:  # on the diagonal itself: a copy would take as long as a solution
        while True:
            diagonal.copy_(undamped + damping + more)
            factor, failed = torch.linalg.cholesky_ex(gram)
            if not failed:
                return factor, more
            more = max(10 * more, least)
    finally:
        diagonal.copy_(undamped)


def pseudo_inverse(matrices: Tensor) -> Tensor:
    """Return the inverses of symmetric matrices (..., k, k) in the space that each spans."""
    return torch.linalg.pinv(matrices, rtol=LEAST_EIGENVALUE, hermitian=True)


def solve_factorised(factor: Tensor, right: Tensor) -> Tensor:
    """Solve with a lower Cholesky factor: two substitutions, at twice the speed of potrs."""
    right = torch.linalg.solve_triangular(factor, right, upper=False)
    return torch.linalg.solve_triangular(factor.mT, right, upper=True)


def solve_with_least_eigenvalue(matrices: Tensor, right: Tensor, least: float) -> Tensor:
    """Solve symmetric systems (..., n, n) for (..., n), no eigenvalue taken as less than least."""
    values, vectors = torch.linalg.eigh((matrices + matrices.mT) / 2)
    projected = (vectors.mT @ right.unsqueeze(-1)).squeeze(-1) / values.clamp(min=least)
    return (vectors @ projected.unsqueeze(-1)).squeeze(-1)


def solve_penalised(matrices: Tensor, right: Tensor, penalty: Tensor) -> Tensor:
    """Solve symmetric systems (..., n, n) with penalties (..., n) on their diagonals, for (..., n).

    In units of the penalties no eigenvalue is less than one, but by rounding where regressors
    repeat others.
    """
    scale = penalty.rsqrt()
    matrices = matrices * scale[..., :, None] * scale[..., None, :]
    matrices = matrices + torch.eye(scale.shape[-1]).to(matrices)
    return scale * solve_with_least_eigenvalue(matrices, scale * right, 1.0)


def pseudo_solve(matrices: Tensor, right: Tensor) -> Tensor:
    """Solve symmetric systems (n, k, k) for (n, k), by least squares where they are singular."""
    return torch.einsum("nkl,nl->nk", pseudo_inverse(matrices), right)


def conjugate_gradients(
    apply: LinearMap,
    right: Tensor,
    precondition: LinearMap,
    start: Tensor,
    tolerance: float = 1e-12,
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

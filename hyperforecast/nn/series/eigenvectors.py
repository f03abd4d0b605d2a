"""The leading eigenvectors of a large symmetric matrix, and their signs."""

import torch
from torch import Tensor

MAX_DENSE = 1000
"""Rows up to which all eigenvectors are computed, which is as fast there."""


def leading_eigenvectors(matrix: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the largest eigenvalues of a positive semi-definite matrix and their eigenvectors.

    Parameters
    ----------
    matrix : Tensor, shape (n, n), float64
    count : int
        Number k of eigenvalues, at most n.

    Returns
    -------
    eigenvalues : Tensor, shape (k,)
        The largest first.
    eigenvectors : Tensor, shape (n, k)

    Notes
    -----
    Of a large matrix they are sought in the block Krylov space of a fixed random start, which a
    few products with the matrix span (Musco & Musco, "Randomized Block Krylov Methods for Stronger
    and Faster Approximate Singular Value Decomposition", NeurIPS 2015, arXiv 1504.05477), until
    what is left of ``A v - λ v`` is rounding. Where that takes too many products, because the
    eigenvalues lie too close, all eigenvectors are computed.
    """
    n = len(matrix)
    block = count + 8
    if n > MAX_DENSE:
        generator = torch.Generator().manual_seed(0)
        start = torch.randn(n, block, generator=generator, dtype=matrix.dtype)
        basis, _ = torch.linalg.qr(start.to(matrix.device))
        image = matrix @ basis
        while basis.shape[1] + block <= n // 4:
            newest = image[:, -block:]
            for _ in range(2):  # of columns that are all but zero, once leaves rounding
                newest, _ = torch.linalg.qr(newest - basis @ (basis.T @ newest))
            basis = torch.cat([basis, newest], dim=1)
            image = torch.cat([image, matrix @ newest], dim=1)
            values, rotation = torch.linalg.eigh(basis.T @ image)
            values, rotation = values.flip(0)[:count], rotation.flip(1)[:, :count]
            vectors = basis @ rotation
            missing = (image @ rotation - vectors * values).norm(dim=0)
            if (missing <= 1e-11 * values[0]).all():
                return values, vectors
    values, vectors = torch.linalg.eigh(matrix)
    return values.flip(0)[:count], vectors.flip(1)[:, :count]


def fix_signs(vectors: Tensor) -> Tensor:
    """Return vectors whose signs are arbitrary with the largest entry of each positive.

    Parameters
    ----------
    vectors : Tensor, shape (n, k)
        In columns, such as eigenvectors and principal components.
    """
    largest = vectors.gather(0, vectors.abs().argmax(dim=0, keepdim=True))
    return vectors * torch.where(largest < 0, -1.0, 1.0)

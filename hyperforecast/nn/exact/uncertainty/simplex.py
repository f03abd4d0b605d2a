"""Least squares over the simplex: weights that are not negative and add up to one."""

import torch
from torch import Tensor


def simplex_minimum(square: Tensor, linear: Tensor) -> Tensor:
    """Minimise a convex quadratic form over the simplex.

    By active sets, as Lawson & Hanson, "Solving Least Squares Problems", 1974, chapter 23, do for
    least squares under non-negativity; here the weights add up to one as well.

    Parameters
    ----------
    square : Tensor, shape (J, J)
        Q, symmetric and positive definite.
    linear : Tensor, shape (J,)
        c.

    Returns
    -------
    Tensor, shape (J,)
        The weights a >= 0 with sum one that minimise a'Qa / 2 - c'a.
    """
    n_weights = len(linear)
    weights = torch.zeros_like(linear)
    weights[(square.diagonal() / 2 - linear).argmin()] = 1.0
    free = weights > 0
    tolerance = 1e-12 * float(square.abs().max() + linear.abs().max())
    for _ in range(10 * n_weights):
        slope = square @ weights - linear
        slope = slope - slope[free].mean()  # all the same where the weights are free
        slope = slope.masked_fill(free, torch.inf)
        if slope.min() >= -tolerance:
            break
        free[slope.argmin()] = True
        while True:
            wanted = _unbounded(square, linear, free)
            if (wanted[free] > 0).all():
                weights = wanted
                break
            falls = free & (wanted <= 0)
            step = (weights[falls] / (weights[falls] - wanted[falls])).min()
            weights = weights + step * (wanted - weights)
            free &= ~(falls & (weights <= tolerance))
            weights = weights.masked_fill(~free, 0.0)
    return weights / weights.sum()


def _unbounded(square: Tensor, linear: Tensor, free: Tensor) -> Tensor:
    """Return the minimum over the free weights that add up to one, whatever their signs."""
    factor = torch.linalg.cholesky(square[free][:, free])
    right = torch.stack([linear[free], torch.ones_like(linear[free])], dim=1)
    best, along = torch.cholesky_solve(right, factor).T
    best = best + along * (1 - best.sum()) / along.sum()
    return torch.zeros_like(linear).masked_scatter(free, best)

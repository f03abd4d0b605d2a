"""The drift of a random walk: its mean change, as far as that is known."""

from torch import Tensor


def damped_drift(n_changes: Tensor, total: Tensor, squares: Tensor) -> Tensor:
    """Return mean changes from row to row, drawn to zero by their standard errors.

    A mean change m with standard error s is multiplied by 1 - s² / m², or by zero if it is less
    than s: the positive part of James & Stein (1961) for a single mean. Changes count as
    independent, as those of a random walk are; of a single one nothing is known.

    Parameters
    ----------
    n_changes : Tensor, shape (..., 1)
        How many changes there were.
    total, squares : Tensor, shape (..., C)
        Their sum, and the sum of their squares.

    Returns
    -------
    Tensor, shape (..., C)
    """
    mean = total / n_changes.clamp(min=1)
    variance = (squares - total * mean).clamp(min=0) / (n_changes - 1).clamp(min=1)
    uncertainty = variance / n_changes.clamp(min=1)
    kept = (1 - uncertainty / mean.square()).clamp(min=0)
    return (mean * kept).where((n_changes > 1) & (mean != 0), 0.0)


def damped_drift_of(changes: Tensor) -> Tensor:
    """Return the damped drift (C,) of changes (T, C)."""
    n_changes = changes.new_tensor([len(changes)])
    return damped_drift(n_changes, changes.sum(dim=0), changes.square().sum(dim=0))

"""How much a residual of overlapping windows counts beside an independent one."""

import torch
from torch import Tensor


def effective_share(residuals: Tensor, n_series: int, shift: int) -> float:
    """Return by what part of their number residuals of windows and steps count.

    Errors of forecasts h steps ahead are correlated over less than h steps if the forecasts are
    optimal (Diebold & Mariano, "Comparing predictive accuracy", 1995), so that of neighbouring
    windows one in h counts. The steps of a window count as many as their correlation matrix has
    participating directions, tr(R)² / tr(R²), less what chance adds to tr(R²); as one if no two
    windows have all steps.

    Parameters
    ----------
    residuals : Tensor, shape (T, H)
        Of consecutive windows; NaN where a target is not known.
    n_series : int
        Number of series that they are from.
    shift : int
        Number of steps between lookback and horizon.

    Returns
    -------
    float
        In (0, 1].
    """
    known = residuals.isfinite()
    counts = known.sum(dim=0).double()
    ahead = shift + 1.0 + torch.arange(len(counts), dtype=torch.float64)
    independent = (n_series + (counts - n_series) / ahead).clamp(min=0).minimum(counts)
    complete = residuals[known.all(dim=1)]
    n_steps = 1.0
    if len(complete) > 1:
        scale = complete.square().mean(dim=0).sqrt()
        rows = complete / torch.where(scale > 0, scale, 1.0)
        products = rows.T @ rows if rows.shape[1] <= rows.shape[0] else rows @ rows.T
        total = products.trace().item() ** 2
        if total > 0:
            chance = 1 / max(independent.mean().item(), 1.0)
            inverse = products.square().sum().item() / total - chance
            n_steps = 1 / max(inverse, 1 / residuals.shape[1])
    share = independent.mean().item() * n_steps / counts.sum().clamp(min=1.0).item()
    return min(1.0, share)

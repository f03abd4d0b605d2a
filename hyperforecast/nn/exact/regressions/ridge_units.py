"""What a ridge is counted in: one unit for each group of regressors."""

import torch
from torch import Tensor


def group_units(diagonal: Tensor, left: Tensor, groups: Tensor) -> Tensor:
    """Return for every regressor the mean of what is left of its group's diagonal, (n, p).

    Parameters
    ----------
    diagonal : Tensor, shape (n, p)
        Diagonals of n normal equations.
    left : Tensor, shape (n, p)
        What the elimination of the constants leaves of them, rounding aside not negative.
    groups : Tensor, shape (p,)
        Number of each regressor's group.

    Notes
    -----
    A group of which nothing but rounding is left is constant, or explained by the constants. Its
    weights are to be zero, so its unit is that of what was there.
    """
    n_groups = int(groups.max()) + 1 if len(groups) else 0
    counts = torch.bincount(groups, minlength=n_groups).clamp(min=1)

    def means(values: Tensor) -> Tensor:
        return values.new_zeros(len(values), n_groups).index_add(1, groups, values) / counts

    before, after = means(diagonal), means(left.clamp(min=0))
    after = torch.where(after > 1e4 * torch.finfo(after.dtype).eps * before, after, before)
    return torch.where(after > 0, after, 1.0)[:, groups]

"""Batch normalisation of the last axes."""

from math import prod

from torch import Tensor, nn
from torch.nn import functional


class BatchNorm(nn.Module):
    """Batch normalisation whose features are the last axes: (..., *shape) -> (..., *shape).

    Statistics are taken over all other axes in training, and are the running ones in ``eval``
    mode, where rows are therefore independent. A single row has no statistics of its own (the
    last batch of an epoch may be one window): it is normalised by the running ones and leaves
    them as they are.

    Parameters
    ----------
    *shape : int
        Lengths of the last axes; each of their entries is one feature.
    """

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.n_axes = len(shape)
        self.norm = nn.BatchNorm1d(prod(shape))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x of shape (..., *shape)."""
        rows = x.reshape(-1, self.norm.num_features)
        return batch_norm(self.norm, rows).reshape(x.shape)


def batch_norm(norm: nn.BatchNorm1d, x: Tensor) -> Tensor:
    """Apply ``norm`` to x of shape (rows, F) or (G, F, rows); to a single row as in evaluation."""
    if norm.training and x.numel() == norm.num_features:
        return functional.batch_norm(
            x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
        )
    return norm(x)

"""Cases of regressions, and their solution by one long least-squares problem."""

import pytest
import torch
from naive_windows import designs
from torch import Tensor

from hyperforecast.nn.exact import (
    BasisWeights,
    Moments,
    ObservedSeries,
    WindowLayout,
    block_moments,
)

KINDS = {
    "alone": (),
    "past": ("past",),
    "future": ("future",),
    "static": ("static",),
    "factors": ("factors",),
    "future and past": ("future", "past"),
}


def one_chunk(moments: Moments) -> list[tuple[slice, Moments]]:
    return [(slice(0, len(moments.yy)), moments)]


def two_chunks(several: list[ObservedSeries], layout: WindowLayout) -> list[tuple[slice, Moments]]:
    """Moments as they come where channels do not fit in memory at once."""
    return [(c, block_moments(several, layout, c)) for c in (slice(0, 2), slice(2, 3))]


def random_mixing(n_channels: int = 3, n_bases: int = 2) -> Tensor:
    random = torch.Generator().manual_seed(3)
    embedding = torch.randn(n_channels, n_bases - 1, generator=random, dtype=torch.float64)
    return torch.cat([torch.ones(n_channels, 1, dtype=torch.float64), embedding], dim=1)


def stacked_least_squares(
    several: list[ObservedSeries], layout: WindowLayout, mixing: Tensor, ridge: float
) -> BasisWeights:
    """Solve one long least-squares problem whose unknowns are all weights of all steps.

    A row for every window, channel and step; the penalty as further rows. Solved by the
    pseudo-inverse of the rows, never by normal equations.
    """
    x, y, f = designs(several, layout)
    n_windows, n_channels, p = x.shape
    horizon, n_future = f.shape[2:]
    n_bases = mixing.shape[1]
    n_own, n_common = n_bases * p * horizon, n_bases * n_future
    rows, right = [], []
    for t in range(n_windows):
        for c in range(n_channels):
            mixed = torch.outer(mixing[c], x[t, c]).flatten()  # (K·p,)
            for h in range(horizon):
                row = torch.zeros(horizon, n_bases * p, dtype=x.dtype)
                row[h] = mixed
                common = torch.outer(mixing[c], f[t, c, h]).flatten()
                rows.append(torch.cat([row.flatten(), common]))
                right.append(y[t, c, h])
    penalised = torch.ones(horizon, n_bases, p, dtype=x.dtype)
    penalised[:, :, -1] = 0.0
    weights = torch.cat([penalised.flatten(), torch.ones(n_common)]).to(x) * ridge**0.5
    a = torch.cat([torch.stack(rows), torch.diag(weights)])
    b = torch.cat([torch.stack(right), torch.zeros(n_own + n_common, dtype=x.dtype)])
    solved = torch.linalg.pinv(a) @ b
    own = solved[:n_own].view(horizon, n_bases, p).transpose(0, 1)
    return BasisWeights(own, solved[n_own:].view(n_bases, n_future))


def assert_same_weights(
    found: BasisWeights, expected: BasisWeights, tolerance: float = 1e-8
) -> None:
    torch.testing.assert_close(found.weight, expected.weight, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(found.future, expected.future, rtol=tolerance, atol=tolerance)


each_route = pytest.mark.parametrize("route", ["cholesky", "gradients"], indirect=True)

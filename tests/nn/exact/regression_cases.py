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


def left_of(columns: Tensor, constants: Tensor) -> Tensor:
    """Sums of squares of columns (rows, n) less what the constants (rows, m) explain: (n,).

    Of one that they explain wholly, its sum: its weights are zero in any unit.
    """
    explained = constants @ torch.linalg.pinv(constants, rtol=1e-8) @ columns
    left, total = (c.square().sum(dim=0) for c in (columns - explained, columns))
    return torch.where(left > 1e-20 * total, left, total)


def penalty_units(
    several: list[ObservedSeries], layout: WindowLayout, mixing: Tensor
) -> tuple[Tensor, Tensor]:
    """Units of the ridge, by the rows: of the regressors but the constant, and the future ones.

    The mean over each group of what the constants leave of the squares of its columns: own lags,
    each past covariate over its lags, all factors, each static covariate, each future covariate.
    """
    x, _, f = designs(several, layout)

    def mixed(values: Tensor) -> list[Tensor]:  # (T, C, ...) -> M of (T·C, ...)
        u = mixing.T.reshape(mixing.shape[1], 1, mixing.shape[0], *[1] * (values.dim() - 2))
        return list((u * values).flatten(1, 2))

    constants = torch.stack(mixed(x[..., -1]), dim=1)  # (T·C, M)
    left = torch.stack([left_of(one, constants) for one in mixed(x[..., :-1])]).mean(dim=0)
    lookback, n_past = layout.lookback, several[0].n_past
    n_factors = layout.factor_lookback * layout.n_factors
    groups = [range(lookback)]
    for q in range(n_past):
        groups.append(range(lookback + q, lookback * (1 + n_past), n_past))
    start = lookback * (1 + n_past)
    groups.append(range(start, start + n_factors))
    groups += [[j] for j in range(start + n_factors, len(left))]
    units = torch.zeros_like(left)
    for group in map(list, groups):
        units[group] = left[group].mean()

    steps = range(layout.horizon)
    future = [sum(left_of(one[:, h], constants) for h in steps) for one in mixed(f)]
    return units, torch.stack(future).mean(dim=0)


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
    mixed = torch.einsum("ck,tcp->tckp", mixing, x).flatten(2)  # (T, C, K·p)
    rows = x.new_zeros(n_windows, n_channels, horizon, n_own + n_common)
    for h in range(horizon):
        own = slice(h * n_bases * p, (h + 1) * n_bases * p)
        rows[:, :, h, own] = mixed
        common = torch.einsum("ck,tcf->tckf", mixing, f[:, :, h]).flatten(2)
        rows[:, :, h, n_own:] = common
    units, future_units = penalty_units(several, layout, mixing)
    penalised = torch.cat([units, units.new_zeros(1)]).repeat(horizon * n_bases)
    weights = torch.cat([penalised, future_units.repeat(n_bases)]).mul(ridge).sqrt()
    a = torch.cat([rows.flatten(0, 2), torch.diag(weights)])
    b = torch.cat([y.flatten(), y.new_zeros(n_own + n_common)])
    solved = torch.linalg.pinv(a, rtol=1e-10) @ b
    own = solved[:n_own].view(horizon, n_bases, p).transpose(0, 1)
    return BasisWeights(own, solved[n_own:].view(n_bases, n_future))


def assert_same_weights(
    found: BasisWeights, expected: BasisWeights, tolerance: float = 1e-8
) -> None:
    torch.testing.assert_close(found.weight, expected.weight, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(found.future, expected.future, rtol=tolerance, atol=tolerance)


each_route = pytest.mark.parametrize("route", ["cholesky", "gradients"], indirect=True)

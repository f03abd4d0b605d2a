"""All channels' last values: what the channels' own past does not say of them."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from hyperforecast.nn.exact.linear_algebra import damped_cholesky, solve_factorised
from hyperforecast.nn.exact.moments.moment_cache import MomentCache
from hyperforecast.nn.exact.moments.window_blocks import JoinedWindows
from hyperforecast.nn.exact.settings.added_up import LayoutOf
from hyperforecast.nn.exact.settings.candidate import Solved
from hyperforecast.nn.exact.settings.neighbours import Neighbours, NeighbourWeights
from hyperforecast.nn.exact.settings.setting import View


class NeighbourRegression:
    """A ridge regression of forecast errors on the last values of all channels.

    A vector autoregression for what the channels' own weights leave. Constants are eliminated
    first and not penalised.

    Parameters
    ----------
    cache : MomentCache
        Of whose windows.
    layout_of : callable
        Says where things lie in a window as a regression sees it.
    solved : Solved
        Weights whose errors are regressed.
    neighbours : Neighbours
        Its ridge does not matter.
    starts : sequence of Tensor, optional
        First rows of the windows of each series that count; all windows if not given.
    """

    def __init__(
        self,
        cache: MomentCache,
        layout_of: LayoutOf,
        solved: Solved,
        neighbours: Neighbours,
        starts: Sequence[Tensor] | None = None,
    ) -> None:
        self.neighbours = neighbours
        total: list[Tensor] = []
        count = 0
        for residuals, recent in windows_beside(
            cache, layout_of, solved, neighbours.n_steps, starts
        ):
            errors = residuals.transpose(0, 1).flatten(1)  # (T, C·H)
            seen = neighbours.regressors(recent)
            new = [seen.T @ seen, seen.T @ errors, seen.sum(dim=0), errors.sum(dim=0)]
            total = [a + b for a, b in zip(total, new, strict=True)] if total else new
            count += len(seen)
        square, cross, sums, left = total
        self._mean, self._left = sums / count, left / count
        self._square = square.addr_(sums, self._mean, alpha=-1)
        self._cross = cross.addr_(sums, self._left, alpha=-1)
        self._shape = residuals.shape[0], residuals.shape[2]

    def of_last(self, n_lags: int) -> "NeighbourRegression":
        """Return the regression on fewer of the same values, the last."""
        earlier = self.neighbours.n_lags - n_lags
        kept = slice(earlier * self._shape[0], None)
        other = copy.copy(self)
        other.neighbours = replace(self.neighbours, n_lags=n_lags)
        other._mean, other._cross = self._mean[kept], self._cross[kept]
        other._square = self._square[kept, kept]
        return other

    def solve(self, ridge: float) -> tuple[Tensor, Tensor]:
        """Solve for one ridge > 0: weights (lags·C, C·H) and constants (C·H,)."""
        unit = self._square.diagonal().mean()
        unit = unit if unit > 0 else torch.ones_like(unit)
        penalty = (ridge * unit).expand(len(self._square))
        factor, _ = damped_cholesky(self._square, penalty)
        weight = solve_factorised(factor, self._cross)
        return weight, self._left - self._mean @ weight

    def as_weights(self, ridge: float) -> NeighbourWeights:
        """Solve for one ridge, by channel, step and value."""
        weight, constant = self.solve(ridge)
        of_values = self.neighbours.of_values(weight).unflatten(0, self._shape)
        return NeighbourWeights(of_values, constant.view(self._shape))


def windows_beside(
    cache: MomentCache,
    layout_of: LayoutOf,
    solved: Solved,
    n_steps: int,
    starts: Sequence[Tensor] | None = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield errors (C, T, H) and last values (C, T, steps) of windows, some at a time.

    Parameters
    ----------
    cache : MomentCache
    layout_of : callable
    solved : Solved
        By whose weights the windows are forecast.
    n_steps : int
    starts : sequence of Tensor, optional
        First rows of the windows of each series; all if not given.
    """
    weights = solved.weights.of_channels(solved.mixing)
    layout = layout_of(solved.setting.view)
    block = max(1, cache.chunk_bytes // (4 * 8 * cache.n_channels * layout.width))
    layouts = layout, layout_of(View("none", lookback=n_steps))
    windows = JoinedWindows(cache.series, layout.width, starts)
    forecast, values = (windows.blocks(one, block) for one in layouts)
    for some, recent in zip(forecast, values, strict=True):
        yield some.residuals(*weights), recent.own

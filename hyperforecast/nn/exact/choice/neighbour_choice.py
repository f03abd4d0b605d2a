"""Whether forecasts go by the last values of all channels, and by how many."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from hyperforecast.nn.exact.choice.ridge_walk import best_of_valley
from hyperforecast.nn.exact.moments.moment_cache import MomentCache
from hyperforecast.nn.exact.settings.candidate import Solved
from hyperforecast.nn.exact.settings.neighbours import Neighbours, NeighbourWeights
from hyperforecast.nn.exact.settings.options import RIDGES
from hyperforecast.nn.exact.settings.setting import ComparedSetting
from hyperforecast.nn.exact.splits.data_split import DataSplit
from hyperforecast.nn.exact.splits.neighbour_regression import NeighbourRegression, windows_beside
from hyperforecast.nn.exact.splits.validation_windows import ValidationWindows
from hyperforecast.nn.exact.uncertainty.standard_error import exceeds_standard_error

NEIGHBOUR_LAGS = (1, 2)
"""Numbers of last values of all channels that are compared."""

FIRST_RIDGE = RIDGES.index(1.0)
"""Number of the ridge that is tried first."""

MAX_PRODUCTS = 2e11
"""Multiplications, of training errors with last values, beyond which neighbours are not compared:
some ten seconds of a core."""


Windows = Sequence[tuple[Tensor, Tensor]]
"""Errors (C, T, H) of forecasts of windows, and their last values (C, T, steps)."""


class NeighbourFold(NamedTuple):
    """What is trained on, and windows that neighbours are compared on.

    Attributes
    ----------
    training : DataSplit
    windows : ValidationWindows
    solved : Solved
        Weights by which forecasts are made without neighbours.
    scale : float
        By what mean squared errors are multiplied.
    """

    training: DataSplit
    windows: ValidationWindows
    solved: Solved
    scale: float = 1.0


class NeighbourChoice:
    """Compares ridge regressions on all channels' last values, on validation windows.

    Parameters
    ----------
    folds : sequence of NeighbourFold
        One for each fold.
    changes : bool
        See :class:`Neighbours`.
    least_gain : float
        Part of the error that they have to save, beside its standard error.

    Attributes
    ----------
    compared : list of ComparedSetting
    weights : NeighbourWeights, optional
        Of the neighbours chosen, on the last fold.
    """

    def __init__(self, folds: Sequence[NeighbourFold], changes: bool, least_gain: float) -> None:
        self.folds = folds
        self.times = torch.cat([fold.windows.times for fold in folds])
        self.series = torch.cat([fold.windows.series for fold in folds])
        self.n_apart = sum(fold.windows.n_apart for fold in folds)
        self.changes = changes
        self.least_gain = least_gain
        self.compared: list[ComparedSetting] = []
        self.weights: NeighbourWeights | None = None

    def choose(self) -> Neighbours | None:
        """Return the neighbours that gain clearly over none, and more than fewer."""
        affordable = [n_lags for n_lags in NEIGHBOUR_LAGS if self._is_affordable(n_lags)]
        if not affordable:
            return None
        most = Neighbours(affordable[-1], self.changes, 0.0)
        regressions = [_regression(fold, most) for fold in self.folds]
        windows = [_validation_windows(fold, most.n_steps) for fold in self.folds]
        chosen = None
        lowest = self._errors_without(windows)
        for n_lags in affordable:
            few = [one.of_last(n_lags) for one in regressions]
            neighbours, errors = self._best(few, windows)
            gains = lowest - errors  # (C, T)
            clear = exceeds_standard_error(gains, self.times, self.series, self.n_apart)
            preferred = clear and gains.mean().item() > self.least_gain * lowest.mean().item()
            self._record(neighbours, errors.mean().item(), preferred)
            if preferred:
                chosen, lowest = neighbours, errors
                self.weights = few[-1].as_weights(neighbours.ridge)
        return chosen

    def _is_affordable(self, n_lags: int) -> bool:
        problem, cache = self.folds[-1].training.problem, self.folds[-1].training.cache
        n_channels = cache.n_channels
        n_outputs, n_steps = n_channels * problem.horizon, n_lags + self.changes
        n_bytes = 8 * n_outputs * (3 * n_channels * n_steps + problem.lookback)
        n_windows = sum(fold.training.cache.n_windows for fold in self.folds)
        n_products = n_windows * n_lags * n_channels * n_outputs
        return n_bytes <= cache.max_bytes and n_products <= MAX_PRODUCTS

    def _errors_without(self, windows: Sequence[Windows]) -> Tensor:
        """Return the mean squared errors of single validation windows, (C, T)."""
        errors = [
            fold.scale * left.square().mean(dim=2)
            for fold, some in zip(self.folds, windows, strict=True)
            for left, _ in some
        ]
        return torch.cat(errors, dim=1)

    def _best(
        self, regressions: Sequence[NeighbourRegression], windows: Sequence[Windows]
    ) -> tuple[Neighbours, Tensor]:
        """Return neighbours with the best ridge, and their errors (C, T)."""
        neighbours = regressions[-1].neighbours
        held_out = [
            [
                (left, neighbours.regressors(recent[:, :, -neighbours.n_steps :]))
                for left, recent in some
            ]
            for some in windows
        ]

        def errors(number: int) -> Tensor:
            found = []
            for fold, regression, some in zip(self.folds, regressions, held_out, strict=True):
                weight, constant = regression.solve(RIDGES[number])
                for left, seen in some:
                    added = torch.addmm(constant, seen, weight).unflatten(1, left.shape[::2])
                    error = (left - added.transpose(0, 1)).square().mean(dim=2)
                    found.append(fold.scale * error)
            return torch.cat(found, dim=1)

        tried: dict[int, Tensor] = {}

        def error(number: int) -> float:
            if number not in tried:
                tried[number] = errors(number)
            return tried[number].mean().item()

        best = best_of_valley(error, len(RIDGES), FIRST_RIDGE)
        return replace(neighbours, ridge=RIDGES[best]), tried[best]

    def _record(self, neighbours: Neighbours, error: float, chosen: bool) -> None:
        setting = replace(
            self.folds[-1].solved.setting, ridge=neighbours.ridge, neighbour_lags=neighbours.n_lags
        )
        self.compared.append(ComparedSetting(setting, error, chosen))


def _regression(fold: NeighbourFold, neighbours: Neighbours) -> NeighbourRegression:
    trained = fold.training
    assert isinstance(trained.cache, MomentCache)
    return NeighbourRegression(trained.cache, trained.layout, fold.solved, neighbours)


def _validation_windows(fold: NeighbourFold, n_steps: int) -> Windows:
    split, starts = fold.windows.split, fold.windows.starts
    assert isinstance(split.cache, MomentCache)
    return list(windows_beside(split.cache, split.layout, fold.solved, n_steps, starts))

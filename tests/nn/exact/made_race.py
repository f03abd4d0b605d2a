"""Splits whose settings have made-up errors, so that what wins is known by hand."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from hyperforecast.nn.exact import ExactOptions, Problem, SearchSpace, Setting
from hyperforecast.nn.exact.choice import selection
from hyperforecast.nn.exact.choice.ridge_search import RidgeSearch
from hyperforecast.nn.exact.choice.selection import ModelSelection
from hyperforecast.nn.exact.regressions.weights import BasisWeights
from hyperforecast.nn.exact.settings.candidate import Candidate
from hyperforecast.nn.exact.settings.options import FIRST_RIDGE, RIDGES

HORIZON = 4
START = RIDGES.index(FIRST_RIDGE)
"""Number of the ridge with which the first setting is solved."""


class MadeSplit:
    """Takes the place of training and validation series.

    Parameters
    ----------
    errors : callable
        Gives the errors of single windows (C, T) of a setting with its ridge.
    search : SearchSpace
    ridge : float, optional
        The only one compared.
    n_channels : int
        Length of the embedding that leaves nothing shared.

    Attributes
    ----------
    solved : list of Setting
        With their ridges, in the order in which they were solved.
    """

    def __init__(
        self,
        errors: Callable[[Setting], Tensor],
        search: SearchSpace | None = None,
        ridge: float | None = None,
        n_channels: int = 100,
    ) -> None:
        self.errors = errors
        self.problem = Problem(8, HORIZON, search=search or SearchSpace())
        self.options = ExactOptions(ridge=ridge)
        self.n_channels = n_channels
        self.solved: list[Setting] = []

    def windows_per_regressor(self, view: Any) -> float:
        return 1.0

    def regression(self, setting: Setting) -> Any:
        weights = BasisWeights(torch.zeros(1, 1, 1), torch.zeros(1, 0))
        return SimpleNamespace(mixing=torch.ones(1, 1), solve=lambda ridge: weights)

    def error(self, setting: Setting, weights: Any, embedding: Any = None) -> float:
        self.solved.append(setting)
        return self.errors(setting).mean().item()


class MadeWindows:
    """Takes the place of validation windows, all of one series."""

    def __init__(self, split: MadeSplit, n_apart: int) -> None:
        self.split = split
        self.n_apart = n_apart

    def errors(self, candidate: Candidate) -> Tensor:
        errors = self.split.errors(candidate.setting)
        self.times = torch.arange(errors.shape[1])
        self.series = torch.zeros_like(self.times)
        return errors


def run_race(
    monkeypatch: pytest.MonkeyPatch, split: MadeSplit, n_apart: int = 100
) -> tuple[Setting, ModelSelection]:
    """Select among the settings of a split; return the one selected, and how that went."""
    windows = MadeWindows(split, n_apart)
    monkeypatch.setattr(selection, "validation_windows", lambda _: windows)
    race = ModelSelection(split, split)  # type: ignore[arg-type]
    return race.select().setting, race


def along_ridges(errors: list[float]) -> Callable[[Setting], Tensor]:
    """Return errors that depend on the number of the ridge alone, the same for every window."""
    return lambda setting: torch.full((1, 16), errors[number(setting)], dtype=torch.float64)


def search_ridges(errors: list[float]) -> tuple[RidgeSearch, list[int]]:
    """Return a search along errors of ridges, and the numbers of the ridges solved so far."""
    split = MadeSplit(along_ridges(errors))
    ridges = RidgeSearch(split, split, RIDGES[: len(errors)])  # type: ignore[arg-type]
    solved: list[int] = []
    solve = split.error

    def error(setting: Setting, weights: Any, embedding: Any = None) -> float:
        solved.append(number(setting))
        return solve(setting, weights)

    split.error = error  # type: ignore[method-assign]
    return ridges, solved


def number(setting: Setting) -> int:
    """Return the number of a setting's ridge."""
    return RIDGES.index(setting.ridge)

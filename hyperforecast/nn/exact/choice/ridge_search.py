"""The ridge of a setting, and solutions on the way to it."""

import math
from dataclasses import replace

from torch import Tensor

from hyperforecast.nn.exact.choice.late import IsLate, never
from hyperforecast.nn.exact.regressions.regression import Regression
from hyperforecast.nn.exact.regressions.weights import BasisWeights
from hyperforecast.nn.exact.settings.candidate import Candidate
from hyperforecast.nn.exact.settings.setting import Setting
from hyperforecast.nn.exact.splits.data_split import DataSplit

FLAT_GAIN = 1e-4
"""Part of the error below which another ridge is not worth a solution."""


class RidgeSearch:
    """Solves settings on training series, with one ridge after another.

    Solutions are kept as long as they take little memory; of larger ones the best of a setting
    and the last, others are solved again where they are asked for.

    Parameters
    ----------
    training, validation : DataSplit
    ridges : tuple of float
        To choose from, ascending; elsewhere they go by their numbers.
    is_late : callable
        Says whether time is over: then no ridge is walked to.
    """

    def __init__(
        self,
        training: DataSplit,
        validation: DataSplit,
        ridges: tuple[float, ...],
        is_late: IsLate = never,
    ) -> None:
        self.training = training
        self.validation = validation
        self.ridges = ridges
        self.is_late = is_late
        self._max_bytes = training.options.max_memory_gb * 2**30 / 8
        self._solved: dict[Setting, dict[int, Candidate]] = {}
        self._errors: dict[Setting, dict[int, float]] = {}
        self._searched: set[Setting] = set()
        self._regression: tuple[Setting, Regression] | None = None

    def number(self, candidate: Candidate) -> int:
        """Return the number of a candidate's ridge."""
        return self.ridges.index(candidate.setting.ridge)

    def solve(self, setting: Setting, number: int) -> Candidate:
        """Return a setting with a ridge, by its number."""
        key = without_ridge(setting)
        solved = self._solved.setdefault(key, {})
        if number not in solved:
            ridge = self.ridges[number]
            setting = replace(setting, ridge=ridge)
            regression = self._regression_of(setting)
            weights = regression.solve(ridge)
            errors = self._errors.setdefault(key, {})
            if number not in errors:
                errors[number] = self._error(setting, weights, regression.mixing)
            solved[number] = Candidate(setting, weights, regression.mixing, errors[number])
            self._forget_large(key, number)
        return self._solved[key][number]

    def best(self, setting: Setting, start: int, goal: float | None = None) -> Candidate:
        """Return a setting with the ridge that is best on validation.

        The error has one valley over the ridges: walk down from a starting point.

        Parameters
        ----------
        setting : Setting
        start : int
            Number of the first ridge.
        goal : float, optional
            Error without which the setting is of no use: the walk ends where a step brings less
            than a quarter of what is missing.
        """
        setting = without_ridge(setting)
        if start not in self._errors.get(setting, {}):
            self.solve(setting, start)
        errors = self._errors[setting]

        def lowest() -> int:
            return min(errors, key=lambda number: errors[number])

        if setting in self._searched:
            return self.solve(setting, lowest())
        if goal is None:
            self._searched.add(setting)
        for step in (1, -1):
            number, falls = lowest() + step, True
            fall, least = -math.inf, 0.0
            while falls and 0 <= number < len(self.ridges) and number not in errors:
                if self.is_late():
                    return self.solve(setting, lowest())
                before = errors[lowest()]
                missing = 0.0 if goal is None else before - goal
                least = max(FLAT_GAIN * before, missing / 4)
                fall = before - self.solve(setting, number).error
                falls = fall > least  # an error of zero, of constant series, cannot fall
                number += step
            if -fall <= least:
                break  # a valley falls no more on one side than it rises on the other
        return self.solve(setting, lowest())

    def without_drift(self, candidate: Candidate) -> Candidate:
        """Return a candidate with its constants left out."""
        setting = replace(candidate.setting, drift=False)
        weights = candidate.weights.without_constants()
        error = self._error(setting, weights, candidate.mixing)
        return Candidate(setting, weights, candidate.mixing, error)

    def forget(self, setting: Setting) -> None:
        """Give up the solutions of a setting."""
        self._solved.pop(without_ridge(setting))
        self._errors.pop(without_ridge(setting))

    def release(self) -> None:
        """Give up all solutions."""
        self._solved.clear()
        self._errors.clear()
        self._regression = None

    def _error(self, setting: Setting, weights: BasisWeights, mixing: Tensor) -> float:
        """Return the validation error of weights with the mixing that they were solved with."""
        learned = mixing[:, 1:] if setting.n_rounds else None
        return self.validation.error(setting, weights, learned)

    def _forget_large(self, key: Setting, last: int) -> None:
        """Give up all solutions of a setting but the best and the last, if they are large."""
        solved, errors = self._solved[key], self._errors[key]
        n_bytes = sum(one.weights.weight.nbytes for one in solved.values())
        if n_bytes > self._max_bytes:
            best = min(errors, key=lambda number: errors[number])
            self._solved[key] = {n: one for n, one in solved.items() if n in (best, last)}

    def _regression_of(self, setting: Setting) -> Regression:
        """Return the regression of a setting; the last one is kept."""
        setting = without_ridge(setting)
        if self._regression is None or self._regression[0] != setting:
            self._regression = None  # before another takes memory
            self._regression = (setting, self.training.regression(setting))
        return self._regression[1]


def without_ridge(setting: Setting) -> Setting:
    """Return a setting before its ridge is chosen."""
    return replace(setting, ridge=0.0)

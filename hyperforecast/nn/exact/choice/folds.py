"""Settings compared on several folds: each is solved without the windows that it is compared on.

What comes last may be of one kind, a season or a regime, and what wins there lose later. Series
that are long enough have several parts to compare settings on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from hyperforecast.nn.exact.choice.ridge_search import RidgeSearch, without_ridge
from hyperforecast.nn.exact.settings.candidate import Candidate
from hyperforecast.nn.exact.settings.setting import Setting
from hyperforecast.nn.exact.splits.data_split import DataSplit
from hyperforecast.nn.exact.splits.own_validation_windows import OwnValidationWindows
from hyperforecast.nn.exact.splits.validation_windows import ValidationWindows


class Fold(NamedTuple):
    """What is trained on, and what settings are compared on."""

    training: DataSplit
    validation: DataSplit


@dataclass(eq=False)
class FoldedCandidate(Candidate):
    """A setting, solved on every fold, and its mean error; its weights are those of the last.

    Attributes
    ----------
    of_folds : tuple of Candidate
    """

    of_folds: tuple[Candidate, ...] = ()


class FoldedSearch(RidgeSearch):
    """Finds the ridge of a setting by its mean error on several folds.

    An error counts in units of that of the first setting on the same fold: where everything is
    hard to forecast, or a few rows are far off, errors are large, and their differences would be
    all that counts.

    Parameters
    ----------
    searches : sequence of RidgeSearch
        One for each fold.

    Attributes
    ----------
    shares : list of float
        What an error on each fold counts.
    """

    def __init__(self, searches: Sequence[RidgeSearch]) -> None:
        last = searches[-1]
        super().__init__(last.training, last.validation, last.ridges, last.is_late)
        self.searches = searches
        counts = torch.tensor([float(one.validation.cache.n_windows) for one in searches])
        self.shares: list[float] = (counts / counts.sum()).tolist()
        self._is_first = True
        self._folded: dict[Setting, dict[int, FoldedCandidate]] = {}

    def solve(self, setting: Setting, number: int) -> FoldedCandidate:
        """Return a setting with a ridge, by its number, solved on every fold."""
        key = without_ridge(setting)
        solved = self._folded.setdefault(key, {})
        if number not in solved:
            solved[number] = self._joined([one.solve(setting, number) for one in self.searches])
            self._errors.setdefault(key, {})[number] = solved[number].error
        return solved[number]

    def without_drift(self, candidate: Candidate) -> FoldedCandidate:
        """Return a candidate with its constants left out."""
        assert isinstance(candidate, FoldedCandidate)
        pairs = zip(self.searches, candidate.of_folds, strict=True)
        return self._joined([search.without_drift(one) for search, one in pairs])

    def forget(self, setting: Setting) -> None:
        """Give up the solutions of a setting."""
        del self._folded[without_ridge(setting)], self._errors[without_ridge(setting)]
        for search in self.searches:
            search.forget(setting)

    def release(self) -> None:
        """Give up all solutions."""
        super().release()
        self._folded.clear()
        for search in self.searches:
            search.release()

    def _joined(self, candidates: Sequence[Candidate]) -> FoldedCandidate:
        errors = [one.error for one in candidates]
        if self._is_first:
            self.shares = relative_shares(self.shares, errors)
            self._is_first = False
        error = sum(share * one for share, one in zip(self.shares, errors, strict=True))
        last = candidates[-1]
        return FoldedCandidate(
            last.setting, last.weights, last.mixing, error, of_folds=tuple(candidates)
        )


def relative_shares(shares: Sequence[float], errors: Sequence[float]) -> list[float]:
    """Return shares by which errors count in units of given ones, whose mean stays as it is.

    Shares stay as they are where an error is zero or not finite.
    """
    share, error = torch.tensor([shares, errors], dtype=torch.float64)
    if not (error.isfinite() & (error > 0)).all():
        return list(shares)
    return (share / error * (share @ error) / share.sum()).tolist()


class FoldedWindows:
    """Residuals of candidates on the windows of several folds; see ValidationWindows.

    They are scaled so that their mean squares are the errors that are compared.

    Parameters
    ----------
    windows : sequence of ValidationWindows or OwnValidationWindows
        Those of each fold.
    search : FoldedSearch
        Whose candidates are compared.
    """

    def __init__(
        self, windows: Sequence[ValidationWindows | OwnValidationWindows], search: FoldedSearch
    ) -> None:
        self.of_folds = windows
        self._search = search
        self.n_apart = sum(one.n_apart for one in windows)
        self.times = torch.cat([one.times for one in windows])
        self.series = torch.cat([one.series for one in windows])

    def errors(self, candidate: Candidate) -> Tensor:
        """Return the mean squared errors of single windows, (C, T)."""
        if candidate.window_errors is None:
            assert isinstance(candidate, FoldedCandidate)
            found = zip(self.of_folds, candidate.of_folds, self.scales, strict=True)
            candidate.window_errors = torch.cat([k * w.errors(one) for w, one, k in found], dim=1)
        return candidate.window_errors

    def residuals(self, candidate: Candidate) -> Tensor:
        """Return the errors of forecasts of the same windows, (C, T, H)."""
        assert isinstance(candidate, FoldedCandidate)
        found = zip(self.of_folds, candidate.of_folds, self.scales, strict=True)
        return torch.cat([k**0.5 * w.residuals(one) for w, one, k in found], dim=1)

    @property
    def scales(self) -> list[float]:
        """By what mean squares on each fold are multiplied."""
        counts = [len(one.times) for one in self.of_folds]
        pairs = zip(self._search.shares, counts, strict=True)
        return [share * sum(counts) / count for share, count in pairs]

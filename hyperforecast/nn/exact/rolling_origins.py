"""Settings compared at several origins: each solved up to an origin, its error taken after it.

What comes after a single origin may be of one kind, a season or a regime, and what wins there lose
later. Series that are long enough have several; what follows an origin are the held-out windows up
to the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from hyperforecast.nn.exact.candidate import Candidate
from hyperforecast.nn.exact.data_split import DataSplit
from hyperforecast.nn.exact.own_validation_windows import OwnValidationWindows
from hyperforecast.nn.exact.ridge_search import RidgeSearch, without_ridge
from hyperforecast.nn.exact.setting import Setting
from hyperforecast.nn.exact.validation_windows import ValidationWindows


class Fold(NamedTuple):
    """What is trained on up to an origin, and what comes after it."""

    training: DataSplit
    validation: DataSplit


@dataclass(eq=False)
class RollingCandidate(Candidate):
    """A setting, solved at every origin, and its mean error; its weights are those of the last.

    Attributes
    ----------
    at_origins : tuple of Candidate
    """

    at_origins: tuple[Candidate, ...] = ()


class RollingSearch(RidgeSearch):
    """Finds the ridge of a setting by its mean error after several origins.

    An error counts in units of that of the first setting solved after the same origin: where
    everything is hard to forecast, or a few rows are far off, errors are large, and their
    differences would be all that counts.

    Parameters
    ----------
    searches : sequence of RidgeSearch
        One for each origin.

    Attributes
    ----------
    shares : list of float
        What an error after each origin counts.
    """

    def __init__(self, searches: Sequence[RidgeSearch]) -> None:
        last = searches[-1]
        super().__init__(last.training, last.validation, last.ridges)
        self.searches = searches
        counts = torch.tensor([float(one.validation.cache.n_windows) for one in searches])
        self.shares: list[float] = (counts / counts.sum()).tolist()
        self._is_first = True
        self._rolled: dict[Setting, dict[int, RollingCandidate]] = {}

    def solve(self, setting: Setting, number: int) -> RollingCandidate:
        """Return a setting with a ridge, by its number, solved at every origin."""
        key = without_ridge(setting)
        solved = self._rolled.setdefault(key, {})
        if number not in solved:
            solved[number] = self._joined([one.solve(setting, number) for one in self.searches])
            self._errors.setdefault(key, {})[number] = solved[number].error
        return solved[number]

    def without_drift(self, candidate: Candidate) -> RollingCandidate:
        """Return a candidate with its constants left out."""
        assert isinstance(candidate, RollingCandidate)
        pairs = zip(self.searches, candidate.at_origins, strict=True)
        return self._joined([search.without_drift(one) for search, one in pairs])

    def forget(self, setting: Setting) -> None:
        """Give up the solutions of a setting."""
        del self._rolled[without_ridge(setting)], self._errors[without_ridge(setting)]
        for search in self.searches:
            search.forget(setting)

    def release(self) -> None:
        """Give up all solutions."""
        super().release()
        self._rolled.clear()
        for search in self.searches:
            search.release()

    def _joined(self, candidates: Sequence[Candidate]) -> RollingCandidate:
        errors = [one.error for one in candidates]
        if self._is_first:
            self.shares = relative_shares(self.shares, errors)
            self._is_first = False
        error = sum(share * one for share, one in zip(self.shares, errors, strict=True))
        last = candidates[-1]
        return RollingCandidate(
            last.setting, last.weights, last.mixing, error, at_origins=tuple(candidates)
        )


def relative_shares(shares: Sequence[float], errors: Sequence[float]) -> list[float]:
    """Return shares by which errors count in units of given ones, whose mean stays as it is.

    Shares stay as they are where an error is zero or not finite.
    """
    share, error = torch.tensor([shares, errors], dtype=torch.float64)
    if not (error.isfinite() & (error > 0)).all():
        return list(shares)
    return (share / error * (share @ error) / share.sum()).tolist()


class RollingWindows:
    """Residuals of candidates on the windows after several origins; see ValidationWindows.

    They are scaled so that their mean squares are the errors that are compared.

    Parameters
    ----------
    windows : sequence of ValidationWindows or OwnValidationWindows
        Those after each origin.
    search : RollingSearch
        Whose candidates are compared.
    """

    def __init__(
        self, windows: Sequence[ValidationWindows | OwnValidationWindows], search: RollingSearch
    ) -> None:
        self.after_origins = windows
        self._search = search
        self.n_apart = sum(one.n_apart for one in windows)
        self.times = torch.cat([one.times for one in windows])
        self.series = torch.cat([one.series for one in windows])

    def errors(self, candidate: Candidate) -> Tensor:
        """Return the mean squared errors of single windows, (C, T)."""
        if candidate.window_errors is None:
            assert isinstance(candidate, RollingCandidate)
            found = zip(self.after_origins, candidate.at_origins, self.scales, strict=True)
            candidate.window_errors = torch.cat([k * w.errors(one) for w, one, k in found], dim=1)
        return candidate.window_errors

    def residuals(self, candidate: Candidate) -> Tensor:
        """Return the errors of forecasts of the same windows, (C, T, H)."""
        assert isinstance(candidate, RollingCandidate)
        found = zip(self.after_origins, candidate.at_origins, self.scales, strict=True)
        return torch.cat([k**0.5 * w.residuals(one) for w, one, k in found], dim=1)

    @property
    def scales(self) -> list[float]:
        """By what mean squares after each origin are multiplied."""
        counts = [len(one.times) for one in self.after_origins]
        pairs = zip(self._search.shares, counts, strict=True)
        return [share * sum(counts) / count for share, count in pairs]

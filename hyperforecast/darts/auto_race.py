"""The race of the automatic model: candidates are compared on rows held out, one is chosen."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hyperforecast.automatic.names import (
    DRIFT,
    GENERATED,
    LAST_VALUE,
    ONE_FOR_ALL,
    SEASONAL_NAIVE,
)
from hyperforecast.darts.auto_candidates import Candidate, naive_candidates, trained_candidates
from hyperforecast.darts.auto_held_out import (
    Gain,
    HeldOutWindows,
    Lengths,
    Observed,
    split,
    variances_of,
)
from hyperforecast.darts.auto_naive import FixedMapModel, naive_map
from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.nn.exact import SettingHistory
from hyperforecast.nn.exact.solver import MIN_HELD_OUT

logger = logging.getLogger(__name__)

SENTENCE_NAMES = {
    LAST_VALUE: "the last value",
    DRIFT: "a drift",
    SEASONAL_NAIVE: "the seasonal naive forecast",
    ONE_FOR_ALL: "one head for all",
    GENERATED: "generated heads",
}
"""What candidates are called in a sentence, where that is not their name."""


@dataclass
class Entry:
    """A candidate that was compared.

    Attributes
    ----------
    name : str
    errors : Tensor, shape (C, T)
        Of single windows held out, in units of the channels' variances in training.
    fit_seconds, forecast_seconds : float
        To fit on the training rows, and to forecast the windows.
    n_parameters : int
    candidate : Candidate, optional
        ``None`` of a naive forecast.
    settings : SettingHistory, optional
        What the exact solver selected for it.
    """

    name: str
    errors: Tensor
    fit_seconds: float
    forecast_seconds: float
    n_parameters: int = 0
    candidate: Candidate | None = None
    settings: SettingHistory | None = None

    @property
    def error(self) -> float:
        """Mean squared error."""
        return self.errors.mean().item()


@dataclass(frozen=True)
class Outcome:
    """What a race ended with.

    Attributes
    ----------
    chosen : Entry
    entries : list of Entry
        The simplest first.
    windows : HeldOutWindows
    """

    chosen: Entry
    entries: list[Entry]
    windows: HeldOutWindows

    def leaderboard(self) -> list[dict[str, Any]]:
        """Return a row for each candidate, the best first."""
        seasonal = {one.name: one for one in self.entries}.get(SEASONAL_NAIVE, self.entries[0])
        rows = []
        for entry in sorted(self.entries, key=lambda one: one.error):
            skill = self._gain(seasonal, entry)
            rows.append(
                {
                    "candidate": entry.name,
                    "skill": skill.gain,
                    "standard_error": skill.standard_error,
                    "validation_mse": entry.error,
                    "fit_seconds": entry.fit_seconds,
                    "forecast_seconds": entry.forecast_seconds,
                    "parameters": entry.n_parameters,
                    "chosen": entry is self.chosen,
                }
            )
        return rows

    def verdict(self) -> str:
        """Say in a sentence what was chosen, and what the others gained."""
        place = self.entries.index(self.chosen)
        simpler, richer = self.entries[:place], self.entries[place + 1 :]
        said = []
        if simpler:
            best = min(simpler, key=lambda one: one.error)
            said.append(f"{self._gain(best, self.chosen)} better than {_called(best)}")
        if richer:
            best = min(richer, key=lambda one: one.error)
            said.append(f"{_called(best)} gained {self._gain(self.chosen, best)}")
        called = _called(self.chosen)
        return f"{called[0].upper()}{called[1:]}: {'; '.join(said) or 'nothing else was compared'}."

    def _gain(self, reference: Entry, entry: Entry) -> Gain:
        if math.isnan(entry.error):
            return Gain(math.nan, math.nan, False)
        return self.windows.gain(reference.errors, entry.errors)


class Race:
    """Compares candidates on windows held out, and fits the one that is chosen on all.

    Parameters
    ----------
    data : Observed
        What is trained on.
    validation : Observed, optional
        What is compared on; the last windows of ``data`` if not given.
    lengths : Lengths
    season : int, optional
    names : sequence of str
        Of the candidates to compare.
    arguments : dict
        Of the constructor of every model.
    fit_arguments : dict
        Of every fit.
    validation_size : float
        Share of the windows held out.
    deadline : float
        When no candidate is begun any more, by :func:`time.perf_counter`.
    say : callable
        Takes lines of progress.
    """

    def __init__(
        self,
        data: Observed,
        validation: Observed | None,
        lengths: Lengths,
        season: int | None,
        *,
        names: Sequence[str],
        arguments: dict[str, Any],
        fit_arguments: dict[str, Any],
        validation_size: float,
        deadline: float,
        say: Callable[[str], None],
    ) -> None:
        self.data = data
        self.validation = validation
        self.lengths = lengths
        self.season = season
        self.names = names
        self.arguments = {
            "input_chunk_length": lengths.lookback,
            "output_chunk_length": lengths.horizon,
            "output_chunk_shift": lengths.shift,
            **arguments,
        }
        self.fit_arguments = fit_arguments
        self.validation_size = validation_size
        self.deadline = deadline
        self.say = say

    def run(self) -> Outcome:
        """Compare candidates, from the simplest to the richest."""
        training, held_out = self.data, self.validation
        if held_out is None:
            training, held_out = split(self.data, self.lengths, self.validation_size)
        windows = HeldOutWindows(held_out, self.lengths, variances_of(self.data.series))
        trains = self.validation is not None or windows.n_held_out >= MIN_HELD_OUT
        before: Observed | None = training
        if not trains:  # naive forecasts are trained on none
            windows = HeldOutWindows(self.data, self.lengths, variances_of(self.data.series))
            before = None
        entries: list[Entry] = []
        for kind in naive_candidates(self.lengths.lookback, self.season):
            if kind in self.names:
                start = time.perf_counter()
                errors = windows.errors_of_map(
                    self.map_of(kind), drift=kind == DRIFT, before=before
                )
                self._add(entries, Entry(kind, errors, 0.0, time.perf_counter() - start))
        n_channels = self.data.series[0].n_components
        for candidate in trained_candidates(n_channels, self.validation_size) if trains else ():
            if candidate.name not in self.names or (entries and self._is_late):
                continue
            try:
                self._add(entries, self._trained(candidate, training, held_out, windows))
            except ValueError as error:  # what is wrong with the data is said by the last fit
                if not entries:
                    raise
                logger.warning("%r is left out of the comparison: %s", candidate.name, error)
        if not entries:
            entries = [self._only_one()]
        chosen = entries[0]
        for entry in entries[1:]:
            if windows.gain(chosen.errors, entry.errors).clear:
                chosen = entry
        return Outcome(chosen, entries, windows)

    def _only_one(self) -> Entry:
        """Return the simplest candidate where there are too few windows to compare any."""
        n_channels = self.data.series[0].n_components
        for candidate in trained_candidates(n_channels, self.validation_size):
            if candidate.name in self.names:
                nothing = torch.full((n_channels, 1), math.nan)
                return Entry(candidate.name, nothing, 0.0, 0.0, 0, candidate, SettingHistory())
        raise ValueError(
            f"None of the candidates {', '.join(map(repr, self.names))} can forecast: there "
            f"{'is no season' if self.season is None else f'is a season of {self.season} rows'}, a "
            f"lookback of {self.lengths.lookback} rows, and the series have {n_channels} channels. "
            "Give a season, a longer input_chunk_length, or other candidates."
        )

    @property
    def _is_late(self) -> bool:
        return time.perf_counter() >= self.deadline

    def _add(self, entries: list[Entry], entry: Entry) -> None:
        entries.append(entry)
        seconds = entry.fit_seconds + entry.forecast_seconds
        self.say(f"{entry.name}: validation MSE {entry.error:.4g}, {seconds:.1f} s")

    def map_of(self, kind: str) -> Any:
        """Return the linear map of a naive forecast, (H, L)."""
        lengths = self.lengths
        return naive_map(kind, lengths.lookback, lengths.horizon, self.season, lengths.shift)

    def _trained(
        self, candidate: Candidate, training: Observed, held_out: Observed, windows: HeldOutWindows
    ) -> Entry:
        model = candidate.model_class(**{**self.arguments, **candidate.arguments})
        settings = model._setting_history = SettingHistory()
        start = time.perf_counter()
        model.fit(
            **training.to_fit(), **held_out.inputs("val_"), **self.fit_arguments, verbose=False
        )
        fitted = time.perf_counter()
        errors = windows.errors_of(model)
        return Entry(
            candidate.name,
            errors,
            fitted - start,
            time.perf_counter() - fitted,
            sum(one.numel() for one in model.network.parameters()),
            candidate,
            settings,
        )

    def fit(self, chosen: Entry, **arguments: Any) -> HyperforecastModel:
        """Fit what was chosen on all rows.

        Parameters
        ----------
        chosen : Entry
        **arguments
            Of the constructor, beside or in the place of those that all candidates have.
        """
        given = {**self.arguments, **arguments}
        if chosen.candidate is None:
            model: HyperforecastModel = FixedMapModel.of(
                self.map_of(chosen.name), drift=chosen.name == DRIFT, **given
            )
        else:
            model = chosen.candidate.model_class(**{**given, **chosen.candidate.arguments})
            model._setting_history = chosen.settings
        validation = {} if self.validation is None else self.validation.inputs("val_")
        return model.fit(**self.data.to_fit(), **validation, **self.fit_arguments, verbose=False)


def _called(entry: Entry) -> str:
    return SENTENCE_NAMES.get(entry.name, entry.name)

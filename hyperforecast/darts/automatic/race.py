"""The race of the automatic model: candidates are compared on rows held out, one is chosen."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from hyperforecast.automatic import choose_lookback
from hyperforecast.automatic.names import (
    DRIFT,
    GENERATED,
    LAST_VALUE,
    NAIVE,
    ONE_FOR_ALL,
    SEASONAL_NAIVE,
)
from hyperforecast.darts.automatic.candidates import (
    BACKBONES,
    GENERATED_HEAD,
    NAMES,
    PRESETS,
    SEED,
    Candidate,
    backbone_candidates,
    naive_candidates,
    solved_candidates,
)
from hyperforecast.darts.automatic.combination import Combination
from hyperforecast.darts.automatic.gradients import GradientTraining, Trained, refitted
from hyperforecast.darts.automatic.held_out import (
    Gain,
    HeldOutWindows,
    Lengths,
    Observed,
    filler_before,
    split,
    squared,
    variances_of,
)
from hyperforecast.darts.automatic.naive import FixedMapModel, naive_map
from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.darts.centred_quantiles import CentredQuantiles
from hyperforecast.nn.exact import SettingHistory
from hyperforecast.nn.exact.solver import MIN_HELD_OUT
from hyperforecast.nn.exact.uncertainty.standard_error import exceeds_error_over_time

logger = logging.getLogger(__name__)

SENTENCE_NAMES = {
    LAST_VALUE: "the last value",
    DRIFT: "a drift",
    SEASONAL_NAIVE: "the seasonal naive forecast",
    ONE_FOR_ALL: "one head for all",
    GENERATED: "generated heads",
    "rmlp": "RMLP",
    "tsmixer": "TSMixer",
    "itransformer": "iTransformer",
    "patchtst": "PatchTST",
    "moderntcn": "ModernTCN",
}
"""What candidates are called in a sentence, where that is not their name."""

MIN_APART = 10
"""Number of horizons, one after the other, that rows held out have to span for nonlinear backbones
to be compared unasked: epochs, ridge and candidate are all chosen on these rows."""

MIN_STRETCHES = 2
"""Number of horizons that rows held out have to span for a gain over a naive forecast on them to be
more than one draw."""

SEASONS_SEEN = 2
"""Number of seasons that a lookback holds from which a cycle says little beside it."""

COMBINED = "combined"
"""Name of the sum of candidates."""

N_SEEDED = 2
"""How many of the candidates that gradients train are trained with further seeds: the best."""

IN_BRIEF = ", one epoch"
"""What stands behind the name of a backbone that is tried in brief."""


@dataclass
class Entry:
    """A candidate that was compared.

    Attributes
    ----------
    name : str
    residuals : Tensor, shape (C, T, H)
        Errors of single windows held out, in units of the channels' deviations in training.
    fit_seconds, forecast_seconds : float
        To fit on the training rows, and to forecast the windows.
    n_parameters : int
    candidate : Candidate, optional
        ``None`` of a naive forecast.
    settings : SettingHistory, optional
        What the exact solver selected for it.
    trained : Trained, optional
        What gradients made of it.
    combination : Combination, optional
        What is added up, if it is a sum of others.
    gained_once : bool, default=False
        Whether it was clearly better on the rows held out, and not on earlier ones.
    """

    name: str
    residuals: Tensor
    fit_seconds: float
    forecast_seconds: float
    n_parameters: int = 0
    candidate: Candidate | None = None
    settings: SettingHistory | None = None
    trained: Trained | None = None
    combination: "Combination[Entry] | None" = None
    gained_once: bool = False

    @property
    def is_naive(self) -> bool:
        """Whether nothing is trained for it."""
        return self.name in NAIVE

    @cached_property
    def errors(self) -> Tensor:
        """Squared errors (C, T), means over the steps."""
        return squared(self.residuals)

    @property
    def error(self) -> float:
        """Mean squared error."""
        return self.errors.mean().item()


class Winner(NamedTuple):
    """What was chosen, fitted on all rows, and the arguments of its network by which it began."""

    model: HyperforecastModel
    plan: dict[str, Any]


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
        shares: dict[int, float] = {}
        for entry in self.entries:
            if (sum_of := entry.combination) is not None:
                shares = {id(m): a for m, a in zip(sum_of.members, sum_of.shares, strict=True)}
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
                    **({"share": shares.get(id(entry), 0.0)} if shares else {}),
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
            gain = self._gain(best, self.chosen)
            said.append(f"{gain.size} {'worse' if gain.is_loss else 'better'} than {_called(best)}")
        if richer:
            best = min(richer, key=lambda one: one.error)
            gain = self._gain(self.chosen, best)
            gained = f"{_called(best)} {'lost' if gain.is_loss else 'gained'} {gain.size}"
            said.append(f"{gained}, but not on earlier rows" if best.gained_once else gained)
        called = _called(self.chosen)
        if self.chosen.trained is None:  # names of backbones are written as they are
            called = f"{called[0].upper()}{called[1:]}"
        return f"{called}: {'; '.join(said) or 'nothing else was compared'}."

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
    names : sequence of str, optional
        Of the candidates to compare; those of the preset if not given.
    presets : str
        Key of :data:`~hyperforecast.darts.automatic.candidates.PRESETS`.
    arguments : dict
        Of the constructor of every model.
    fit_arguments : dict
        Of every fit.
    validation_size : float
        Share of the windows held out.
    likelihood : CentredQuantiles, optional
        Of what is fitted in the end.
    deadline : float
        When no candidate is begun any more, and training by gradients ends, by
        :func:`time.perf_counter`.
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
        names: Sequence[str] | None,
        presets: str,
        arguments: dict[str, Any],
        fit_arguments: dict[str, Any],
        validation_size: float,
        likelihood: CentredQuantiles | None,
        deadline: float,
        say: Callable[[str], None],
    ) -> None:
        self.data = data
        self.validation = validation
        self.lengths = lengths
        self.season = season
        self.preset = PRESETS[presets]
        self.names = NAMES if names is None else names
        self.chooses_backbones = names is None
        self.arguments = {
            "input_chunk_length": lengths.lookback,
            "output_chunk_length": lengths.horizon,
            "output_chunk_shift": lengths.shift,
            **arguments,
        }
        self.fit_arguments = fit_arguments
        self.validation_size = validation_size
        self.likelihood = likelihood
        self.deadline = deadline
        self.say = say

    def run(self) -> Outcome:
        """Compare candidates, from the simplest to the richest."""
        training, held_out = self.data, self.validation
        if held_out is None:
            training, held_out = split(self.data, self.lengths, self.validation_size)
        windows = self._windows(held_out, training)
        trains = self.validation is not None or windows.n_held_out >= MIN_HELD_OUT
        before: Observed | None = training
        if not trains:  # naive forecasts are trained on none
            windows = self._windows(self.data, self.data)
            before = None
        entries: list[Entry] = []
        for kind in naive_candidates(self.lengths.lookback, self.season):
            if kind in self.names:
                start = time.perf_counter()
                residuals = windows.residuals_of_map(
                    self.map_of(kind), drift=kind == DRIFT, before=before
                )
                self._add(entries, Entry(kind, residuals, 0.0, time.perf_counter() - start))
        n_channels = self.data.series[0].n_components
        solved = solved_candidates(n_channels, self.validation_size, self._period(training))
        for candidate in solved if trains else ():
            self._try(
                entries, candidate, lambda one: self._solved(one, training, held_out, windows)
            )
        if trains:
            self._train_by_gradients(entries, training, held_out, windows)
        if self.preset.combines and windows.n_apart >= MIN_APART and not self._is_late:
            self._combine(entries)
        if not entries:
            entries = [self._only_one()]
        chosen = entries[0]
        for entry in entries[1:]:
            if beats(entry, chosen, windows):
                if self._gained_before(entry, chosen, training, windows):
                    chosen = entry
                else:
                    entry.gained_once = True
        return Outcome(chosen, entries, windows)

    def _gained_before(
        self, entry: Entry, simpler: Entry, training: Observed, windows: HeldOutWindows
    ) -> bool:
        """Say whether a candidate pays on earlier rows, too, if those held out are one draw.

        So they are to a drift, and where they span fewer than two horizons to whatever is solved
        for and stands beside a naive forecast. That is then trained on the first half of the
        training rows, with the lookback that so many rows suffice for, and has to gain over
        stretches of the later half and of those held out.
        """
        if entry.name == DRIFT:
            everything = self._windows(self.data, self.data)
            return everything.drift_goes_on(self.map_of(LAST_VALUE))
        if entry.candidate is None or entry.settings is None or not simpler.is_naive:
            return True
        if windows.n_apart >= MIN_STRETCHES:
            return True
        lengths = self._lengths_on_half(training, simpler)
        first, later = split(training, lengths, 0.5)
        filler = filler_before(later, first, lengths.lookback)
        before = HeldOutWindows(later, lengths, variances_of(training.series), filler)
        if before.n_held_out < MIN_HELD_OUT:
            return True
        reference = squared(
            before.residuals_of_map(
                self.map_of(simpler.name, lengths.lookback),
                drift=simpler.name == DRIFT,
                before=first,
            )
        )
        errors = self._solved(entry.candidate, first, None, before).errors
        saved = [
            (one - other) / one.mean()
            for one, other in ((reference, errors), (simpler.errors, entry.errors))
        ]
        times = torch.cat([before.times, before.times.max() + 1 + windows.times])
        n_apart = before.n_apart + windows.n_apart
        return exceeds_error_over_time(torch.cat(saved, dim=1), times, n_apart)

    def _lengths_on_half(self, training: Observed, simpler: Entry) -> Lengths:
        """Return lengths that half of the rows suffice for, and a naive forecast can be made by."""
        lengths = self.lengths
        n_rows = [len(one) // 2 for one in training.series]
        ahead = lengths.horizon + lengths.shift
        suffices = choose_lookback(n_rows, ahead, n_channels=training.series[0].n_components)
        if simpler.name == SEASONAL_NAIVE:
            assert self.season is not None
            suffices = max(suffices, self.season)
        return lengths._replace(lookback=min(lengths.lookback, suffices))

    def _windows(self, held_out: Observed, training: Observed) -> HeldOutWindows:
        filler = filler_before(held_out, training, self.lengths.lookback)
        return HeldOutWindows(held_out, self.lengths, variances_of(self.data.series), filler)

    def _period(self, training: Observed) -> int | None:
        """Return the season if its cycle may say more than the lookback does.

        ``None`` as well where half of the rows do not hold it twice, and where candidates are added
        up, whose phases would differ.
        """
        if self.season is None or self.preset.combines:
            return None
        longest = max(map(len, training.series))
        seldom = self.lengths.lookback < SEASONS_SEEN * self.season
        return self.season if seldom and longest // 2 >= 2 * self.season else None

    def _only_one(self) -> Entry:
        """Return the simplest candidate where there are too few windows to compare any."""
        n_channels = self.data.series[0].n_components
        for candidate in solved_candidates(n_channels, self.validation_size):
            if candidate.name in self.names:
                nothing = torch.full((n_channels, 1, 1), math.nan)
                return Entry(candidate.name, nothing, 0.0, 0.0, 0, candidate, SettingHistory())
        raise ValueError(
            f"None of the candidates {', '.join(map(repr, self.names))} can forecast: there "
            f"{'is no season' if self.season is None else f'is a season of {self.season} rows'}, a "
            f"lookback of {self.lengths.lookback} rows, and the series have {n_channels} channels. "
            "Give a season, a longer input_chunk_length, or other candidates; nonlinear backbones "
            f"need {MIN_HELD_OUT} windows to be held out."
        )

    def _try(
        self, entries: list[Entry], candidate: Candidate, compare: Callable[[Candidate], Entry]
    ) -> None:
        """Add a candidate that is to be compared, unless it is late or cannot be trained."""
        if candidate.name not in self.names or (entries and self._is_late):
            return
        try:
            self._add(entries, compare(candidate))
        except ValueError as error:  # what is wrong with the data is said by the last fit
            if not entries:
                raise
            logger.warning("%r is left out of the comparison: %s", candidate.name, error)

    def _train_by_gradients(
        self,
        entries: list[Entry],
        training: Observed,
        held_out: Observed,
        windows: HeldOutWindows,
    ) -> None:
        """Add the candidates with nonlinear backbones, if there are rows enough to choose by."""
        if self.chooses_backbones and windows.n_apart < MIN_APART:
            return
        n_channels = self.data.series[0].n_components
        backbones = self.preset.backbones if self.chooses_backbones else BACKBONES
        of_each = {
            one: backbone_candidates(one, n_channels, self.validation_size) for one in backbones
        }
        if not any(one.name in self.names for some in of_each.values() for one in some):
            return
        gradients = GradientTraining(
            training,
            held_out,
            windows,
            self.season,
            arguments=self.arguments | self._likelihood(),
            fit_arguments=self.fit_arguments,
            deadline=self.deadline,
        )
        chosen = list(of_each)
        if self.chooses_backbones and self.preset.n_in_full < len(chosen):
            brief: list[Entry] = []
            for some in of_each.values():
                self._try(brief, some[0], lambda one: _entry(gradients.in_brief(one), IN_BRIEF))
            brief.sort(key=lambda one: one.error)
            chosen = [one.name.removesuffix(IN_BRIEF) for one in brief[: self.preset.n_in_full]]
        for backbone in of_each:
            for candidate in of_each[backbone] if backbone in chosen else ():
                self._try(entries, candidate, lambda one: _entry(gradients.in_full(one)))
        self._train_with_seeds(entries, gradients)

    def _train_with_seeds(self, entries: list[Entry], gradients: GradientTraining) -> None:
        """Train the best of what gradients trained with further seeds."""
        trained = [one.trained for one in sorted(entries, key=lambda one: one.error) if one.trained]
        for best in trained[:N_SEEDED]:
            for seed in range(1, self.preset.n_seeds):
                candidate = best.candidate.with_seed(seed, self.arguments.get("random_state") or 0)
                self._try(entries, candidate, lambda one: _entry(gradients.in_full(one)))

    def _combine(self, entries: list[Entry]) -> None:
        """Add the sum of candidates, if it has more than one."""
        if len(entries) < 2:
            return
        combination, residuals = Combination.of(entries, [one.residuals for one in entries])
        members = combination.members
        if len(members) > 1:
            entry = Entry(
                COMBINED,
                residuals,
                sum(one.fit_seconds for one in members),
                sum(one.forecast_seconds for one in members),
                sum(one.n_parameters for one in members),
                combination=combination,
            )
            self._add(entries, entry)

    def _likelihood(self) -> dict[str, Any]:
        return {} if self.likelihood is None else {"likelihood": self.likelihood}

    @property
    def _is_late(self) -> bool:
        return time.perf_counter() >= self.deadline

    def _add(self, entries: list[Entry], entry: Entry) -> None:
        entries.append(entry)
        seconds = entry.fit_seconds + entry.forecast_seconds
        self.say(f"{entry.name}: validation MSE {entry.error:.4g}, {seconds:.1f} s")

    def map_of(self, kind: str, lookback: int | None = None) -> Any:
        """Return the linear map of a naive forecast, (H, L), of another lookback if it is given."""
        lengths = self.lengths
        lookback = lookback or lengths.lookback
        return naive_map(kind, lookback, lengths.horizon, self.season, lengths.shift)

    def _solved(
        self,
        candidate: Candidate,
        training: Observed,
        held_out: Observed | None,
        windows: HeldOutWindows,
    ) -> Entry:
        lookback = {"input_chunk_length": windows.lengths.lookback}
        model = candidate.model_class(**{**self.arguments, **lookback, **candidate.arguments})
        settings = model._setting_history = SettingHistory()
        validation = {} if held_out is None else held_out.inputs("val_")
        start = time.perf_counter()
        model.fit(**training.to_fit(), **validation, **self.fit_arguments, verbose=False)
        fitted = time.perf_counter()
        residuals = windows.residuals_of(model)
        return Entry(
            candidate.name,
            residuals,
            fitted - start,
            time.perf_counter() - fitted,
            sum(one.numel() for one in model.network.parameters()),
            candidate if model.network.periods else candidate.without_cycles(),
            settings,
        )

    def fit(self, chosen: Entry, **arguments: Any) -> Winner:
        """Fit what was chosen on all rows.

        Parameters
        ----------
        chosen : Entry
        **arguments
            Of the constructor, beside or in the place of those that all candidates have.
        """
        if (combination := chosen.combination) is not None:
            fitted = [self.fit(one, **arguments) for one in combination.members]
            plan = combination.arguments([one.plan for one in fitted])
            return Winner(combination.join([one.model for one in fitted]), plan)
        model = self._fit_single(chosen, arguments)
        return Winner(model, model._network_plan())

    def _fit_single(self, chosen: Entry, arguments: dict[str, Any]) -> HyperforecastModel:
        given = {**self.arguments, **arguments, **self._likelihood()}
        validation = {} if self.validation is None else self.validation.inputs("val_")
        if chosen.trained is not None:
            return refitted(chosen.trained, self.data, validation, given, self.fit_arguments)
        if chosen.candidate is None:
            model: HyperforecastModel = FixedMapModel.of(
                self.map_of(chosen.name), drift=chosen.name == DRIFT, **given
            )
        else:
            model = chosen.candidate.model_class(**{**given, **chosen.candidate.arguments})
            model._setting_history = chosen.settings
        return model.fit(**self.data.to_fit(), **validation, **self.fit_arguments, verbose=False)


def beats(entry: Entry, simpler: Entry, windows: HeldOutWindows) -> bool:
    """Say whether a candidate is clearly better than a simpler one on the rows held out.

    What beats a naive forecast in some stretch of time, because of a trend, say, does so in all
    channels that move together: there time alone tells, if the rows held out have two stretches.
    """
    if not windows.gain(simpler.errors, entry.errors).clear:
        return False
    if not simpler.is_naive or windows.n_apart < MIN_STRETCHES:
        return True
    return windows.gains_over_time(simpler.errors, entry.errors)


def _entry(trained: Trained, how: str = "") -> Entry:
    return Entry(
        trained.candidate.label + how,
        trained.residuals,
        trained.fit_seconds,
        trained.forecast_seconds,
        trained.n_parameters,
        trained.candidate,
        trained=trained,
    )


def _called(entry: Entry) -> str:
    if (combination := entry.combination) is not None:
        ordered = sorted(
            zip(combination.shares, combination.members, strict=True), key=lambda one: -one[0]
        )
        told = ", ".join(f"{_called(one)} {100 * share:.0f} %" for share, one in ordered)
        return f"a sum ({told})"
    label, _, seed = entry.name.partition(SEED)
    name = label.removesuffix(GENERATED_HEAD)
    called = SENTENCE_NAMES.get(name, name)
    if name != label:
        called = f"{called} with generated heads"
    return f"{called} again" if seed else called

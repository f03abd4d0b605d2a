"""Which form of a head, and which ridge, by the error on validation."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hyperforecast.nn.exact import BasisWeights, ChannelRegression, GeneratedRegression, Moments
from hyperforecast.nn.exact.choice.late import IsLate, never
from hyperforecast.nn.exact.choice.ridge_walk import best_of_valley
from hyperforecast.nn.exact.choice.selection_rule import (
    LEAST_GAIN,
    gains_clearly,
    not_clearly_worse,
)
from hyperforecast.nn.exact.moments.pairs import pair_weights
from hyperforecast.nn.exact.regressions.regression import Regression
from hyperforecast.nn.exact.regressions.squared_error import pairs_squared_error, squared_error
from hyperforecast.nn.exact.splits.validation_windows import MAX_COMPARED, MAX_WINDOWS, MIN_WINDOWS
from hyperforecast.nn.exact.windows.distinct_series import distinct_numbers
from hyperforecast.nn.solved_head.feature_moments import FeatureMoments, ShiftedMoments
from hyperforecast.nn.solved_head.feature_rows import FeatureRows
from hyperforecast.nn.solved_head.forms import HeadForm

FIRST_RIDGE = 1e-2
"""From which the walk along the ridges begins."""


@dataclass(frozen=True)
class ComparedHead:
    """A form with a ridge, and its error.

    Attributes
    ----------
    embedding_dim : int
    individual : bool
    ridge : float
        Infinite where the trained head was left as it is, or as near to that as the form comes.
    validation_mse : float
        In units of each channel's training variance.
    damping : float
        Ridge that was added, because rounding had made the equations indefinite.
    chosen : bool
        Whether it was selected over those before.
    """

    embedding_dim: int
    individual: bool
    ridge: float
    validation_mse: float
    damping: float
    chosen: bool


@dataclass(frozen=True, eq=False)
class Candidate:
    """A form with a ridge, the change that it solves for, and its error on validation."""

    form: HeadForm
    ridge: float
    change: BasisWeights
    error: float

    def compared(self, chosen: bool) -> ComparedHead:
        """Return it as a row of a report."""
        form = self.form
        return ComparedHead(
            form.embedding_dim, form.individual, self.ridge, self.error, self.change.damping, chosen
        )


class Equations:
    """The moments of some windows as the forms of a head need them.

    Parameters
    ----------
    moments : FeatureMoments
    forms : sequence of HeadForm
    """

    def __init__(self, moments: FeatureMoments, forms: Sequence[HeadForm]) -> None:
        self.moments = moments
        self._pairs: dict[HeadForm, Moments] = {}
        generated = [form for form in forms if not form.individual]
        for channels, chunk in moments if generated else ():
            for form in generated:
                sums = form.shifted(channels, chunk).summed(pair_weights(form.mixing[channels]))
                before = self._pairs.get(form)
                self._pairs[form] = sums if before is None else before + sums

    def regression(self, form: HeadForm) -> Regression:
        """Return the regression of a form."""
        regressors = self.moments.tap.layers.regressors
        moments = ShiftedMoments(self.moments, form.shifted)
        if form.individual:
            return ChannelRegression(moments, form.mixing, regressors)
        return GeneratedRegression(moments, form.mixing, self._pairs[form], regressors)

    def error(self, form: HeadForm, change: BasisWeights) -> float:
        """Return the mean squared error of a form with a change."""
        if form.individual:
            moments = ShiftedMoments(self.moments, form.shifted)
            total = squared_error(moments, change, form.mixing)
        else:
            total = pairs_squared_error(self._pairs[form], change)
        cutter = self.moments.cutter
        return total / (self.moments.n_windows * len(form.mixing) * cutter.horizon)


class HeadRace:
    """Compares forms and ridges by their error on validation windows.

    From the form of fewest weights on, a richer one is selected where it gains clearly: more than
    one per cent, and more than one standard error over blocks of time or over channels, as the
    exact solver has it. Where its length is the user's wish any gain is enough.

    Parameters
    ----------
    training, validation : FeatureMoments
    forms : sequence of HeadForm
    ridges : sequence of float
        Ascending.
    requested : bool
        Whether the length of the last form's vectors was asked for.
    is_late : callable
        Says whether time is over: then no further form and ridge is solved for.

    Attributes
    ----------
    compared : list of ComparedHead
        In the order in which they were compared.
    """

    def __init__(
        self,
        training: FeatureMoments,
        validation: FeatureMoments,
        forms: Sequence[HeadForm],
        ridges: Sequence[float],
        requested: bool,
        is_late: IsLate = never,
    ) -> None:
        self.training = Equations(training, forms)
        self.validation = Equations(validation, forms)
        self.forms = forms
        self.ridges = ridges
        self.requested = requested
        self.is_late = is_late
        self.compared: list[ComparedHead] = []
        self._windows = ComparedWindows(validation)
        self._regression: tuple[HeadForm, Regression] | None = None

    def winner(self) -> Candidate:
        """Return the candidate that is selected."""
        finite = [ridge for ridge in self.ridges if math.isfinite(ridge)]
        nearest = min(finite, key=lambda ridge: abs(math.log(ridge / FIRST_RIDGE)))
        begin = self.ridges.index(nearest)
        trained = next(form for form in self.forms if form.departure is None)
        as_trained = self._candidate(trained, math.inf)
        self.compared.append(as_trained.compared(chosen=True))
        if self.is_late():
            return as_trained
        selected = self._best(self.forms[0], begin)
        if selected.form is not trained or selected.ridge != math.inf:
            self.compared.append(selected.compared(chosen=True))
        for form in self.forms[1:]:
            if self.is_late():
                break
            candidate = self._best(form, self.ridges.index(selected.ridge))
            preferred = candidate.error < selected.error and (
                self.requested or gains_clearly(candidate, selected, self._windows, LEAST_GAIN)
            )
            self.compared.append(candidate.compared(preferred))
            selected = candidate if preferred else selected
        return self._strengthened(selected)

    def _strengthened(self, best: Candidate) -> Candidate:
        """Return the candidate with the largest ridge that loses neither clearly nor much."""
        chosen = best
        larger = self.ridges[self.ridges.index(best.ridge) + 1 :]
        in_time = itertools.takewhile(lambda _: not self.is_late(), larger)
        stronger = (self._candidate(best.form, ridge) for ridge in in_time)
        for chosen in not_clearly_worse(best, stronger, self._windows):
            self.compared.append(chosen.compared(chosen=True))
        return chosen

    def _best(self, form: HeadForm, begin: int) -> Candidate:
        """Return a form with its best ridge: the error has one valley over the ridges."""
        solved: dict[int, Candidate] = {}

        def candidate(number: int) -> Candidate:
            if number not in solved:
                solved[number] = self._candidate(form, self.ridges[number])
            return solved[number]

        def error(number: int) -> float:
            if solved and number not in solved and self.is_late():
                return math.inf
            return candidate(number).error

        best = best_of_valley(error, len(self.ridges), begin)
        unchanged = len(self.ridges) - 1  # the valley may have a second end there
        if math.isinf(self.ridges[unchanged]):
            best = min((best, unchanged), key=lambda number: candidate(number).error)
        return candidate(best)

    def _candidate(self, form: HeadForm, ridge: float) -> Candidate:
        if math.isinf(ridge):
            change = self._no_change(form)
        else:
            if self._regression is None or self._regression[0] is not form:
                self._regression = None  # before another takes memory
                self._regression = (form, self.training.regression(form))
            change = self._regression[1].solve(ridge)
        return Candidate(form, ridge, change, self.validation.error(form, change))

    def _no_change(self, form: HeadForm) -> BasisWeights:
        layers = self.training.moments.tap.layers
        n_bases = form.mixing.shape[1]
        weight = form.mixing.new_zeros(n_bases, layers.n_steps, layers.regressors.total)
        return BasisWeights(weight, form.mixing.new_zeros(n_bases, layers.n_future))


class ComparedWindows:
    """Single validation windows, evenly spread in time: how errors differ between them.

    Parameters
    ----------
    moments : FeatureMoments

    Attributes
    ----------
    times, series : Tensor, shape (T,), int64
        When each window begins, and which series it is of.
    n_apart : int
        Number of horizons that the windows of all series span.
    """

    def __init__(self, moments: FeatureMoments) -> None:
        self.moments = moments
        cutter = moments.cutter
        starts = [cutter.starts(one) for one in moments.series]
        times = [(one.start or 0) + some for one, some in zip(moments.series, starts, strict=True)]
        distinct = torch.cat(times).unique()
        span = int(distinct[-1] - distinct[0]) + 1
        self.n_apart = span // cutter.horizon
        values = len(moments.tap.deviation) * moments.tap.layers.regressors.total
        n_compared = min(MAX_WINDOWS, max(MIN_WINDOWS, MAX_COMPARED // values))
        compared = distinct[:: -(-len(distinct) // n_compared)]
        chosen = [torch.isin(some, compared) for some in times]
        self._starts = [some[which] for some, which in zip(starts, chosen, strict=True)]
        self.times = torch.cat([some[which] for some, which in zip(times, chosen, strict=True)])
        numbers = torch.tensor(distinct_numbers(moments.series))
        self.series = numbers.repeat_interleave(torch.tensor([len(some) for some in self._starts]))
        self._rows: list[FeatureRows] | None = None

    def errors(self, candidate: Candidate) -> Tensor:
        """Return the mean squared errors of the windows, (C, T)."""
        if self._rows is None:
            moments = self.moments
            self._rows = [
                moments.tap.rows(moments.cutter.cut(one, starts))
                for one, starts in zip(moments.series, self._starts, strict=True)
                if len(starts)
            ]
        return torch.cat([self._errors(candidate, rows) for rows in self._rows], dim=1).cpu()

    def _errors(self, candidate: Candidate, rows: FeatureRows) -> Tensor:
        errors = candidate.form.missed(rows, candidate.change).square().mean(dim=2)
        segments = self.moments.tap.network.segments
        # the segments of a window are rows of their own, one segment after the other
        return errors if segments is None else errors.unflatten(1, (segments.count, -1)).mean(dim=1)

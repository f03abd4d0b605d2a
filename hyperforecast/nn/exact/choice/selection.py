"""Model selection: which setting, by its error on validation."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from torch import Tensor

from hyperforecast.nn.exact.choice.folds import (
    Fold,
    FoldedCandidate,
    FoldedSearch,
    FoldedWindows,
)
from hyperforecast.nn.exact.choice.late import IsLate, never
from hyperforecast.nn.exact.choice.neighbour_choice import NeighbourChoice, NeighbourFold
from hyperforecast.nn.exact.choice.ridge_search import RidgeSearch
from hyperforecast.nn.exact.choice.selection_rule import (
    LEAST_GAIN,
    gains_clearly,
    not_clearly_worse,
)
from hyperforecast.nn.exact.settings.candidate import Candidate, Solved
from hyperforecast.nn.exact.settings.combination import (
    Combination,
    farthest,
    independent_errors,
    mean_products,
)
from hyperforecast.nn.exact.settings.setting import ComparedSetting, Setting
from hyperforecast.nn.exact.splits.data_split import DataSplit
from hyperforecast.nn.exact.splits.hold_out import are_long
from hyperforecast.nn.exact.splits.own_validation_windows import (
    OwnValidationWindows,
    validation_windows,
)
from hyperforecast.nn.exact.splits.validation_windows import ValidationWindows
from hyperforecast.nn.exact.splits.weighted_split import WeightedSplit

MIN_APART = 2
"""Number of horizons that validation has to span for pooled weights and neighbours, of which each
channel has many, to be compared: within one, what befalls all channels at once looks like a gain of
each."""

HOPELESS = 2.0
"""How many times the error that may be added up another view's may be, at the ridge that was best
under its norm before, for other ridges to be tried. Measured: none above 1.31 times came near."""

MANY_WINDOWS = 50
"""Number of windows for each regressor from which one head each is as safe as generated weights."""


class ModelSelection:
    """Compares settings fitted on training series by their error on validation series.

    A forward search: from the simplest setting on, one part of it after the other is made richer
    as long as that gains clearly.

    Parameters
    ----------
    training, validation : DataSplit
        Of the last fold, or of the only one.
    others : sequence of Fold
        Further ones. What is compared are mean errors over all.
    is_late : callable
        Says whether time is over: then nothing further is compared, and what was selected until
        then stays.

    Attributes
    ----------
    compared : list of ComparedSetting
        In the order in which settings were compared.
    """

    def __init__(
        self,
        training: DataSplit,
        validation: DataSplit,
        others: Sequence[Fold] = (),
        is_late: IsLate = never,
    ) -> None:
        self.problem = training.problem
        self.search = self.problem.search
        self.options = training.options
        self.training = training
        self.validation = validation
        self.folds = [*others, Fold(training, validation)]
        self.searches = [RidgeSearch(*fold, self.options.ridges, is_late) for fold in self.folds]
        self.validation_windows = [validation_windows(fold.validation) for fold in self.folds]
        self.ridges: RidgeSearch = self.searches[0]
        self.windows: ValidationWindows | OwnValidationWindows | FoldedWindows
        self.windows = self.validation_windows[0]
        if others:
            self.ridges = folded = FoldedSearch(self.searches)
            self.windows = FoldedWindows(self.validation_windows, folded)
        self.is_late = is_late
        self.compared: list[ComparedSetting] = []
        self._starts: dict[int, str] = {}  # by number of factors
        self._kept: dict[Setting, Candidate] = {}

    def select(self) -> Candidate:
        """Return the candidate selected."""
        norms, dims, factors = self.search.norms, self.search.embedding_dims, self.search.n_factors
        lookback = self.search.lookbacks[0]
        simplest = Setting(
            norms[0], dims[0], self._is_individual(dims[0]), factors[0], lookback=lookback
        )
        selected = self.ridges.best(simplest, self.options.first_ridge)
        self._record(selected, chosen=True)
        for norm in norms[1:]:
            selected = self._compare(selected, replace(simplest, norm=norm))
        if self.problem.attributes is not None:
            selected = self._with_attributes(selected)
        selected = self._lengthen_embedding(selected)
        selected = self._add_factors(selected)
        if selected.setting.n_factors > factors[0]:
            selected = self._lengthen_embedding(selected)
        selected = self._pool(self._with_one_each(selected))
        if not self.search.combined:
            for lookback in self.search.lookbacks[1:]:
                selected = self._compare(selected, replace(selected.setting, lookback=lookback))
        return self._strengthen_ridge(selected)

    def combine(self, selected: Candidate) -> Combination:
        """Return what of instance norms and lookbacks is added up, and by which shares.

        Compared are those of the candidate selected, with its embedding and factors, and of one
        head each where that is as good; where a level is subtracted with and without a drift. What
        else was compared of the same view is added up as well. It is the candidate alone where
        windows have weights, whose moments would be made anew for each, or where its embedding was
        learned.
        """
        if not self.search.combined or self._is_weighted or self.options.embedding_steps:
            return Combination.alone(selected.setting)
        settings: list[Setting] = []
        errors: list[Tensor] = []
        n_independent = self._independent_errors(selected)
        near = selected.error * (1.0 + farthest(n_independent))

        def take(candidate: Candidate) -> None:
            found = [candidate]
            if candidate.setting.norm != "none":
                found.append(self.ridges.without_drift(candidate))
            for one in found:
                if one.setting != selected.setting:
                    self._record(one, chosen=False)
                if one.error <= near:
                    settings.append(one.setting)
                    errors.append(self.windows.residuals(one))
                    self._keep(one)

        others = self._other_forms(selected)
        take(selected)
        for entry in others:
            if self.is_late():
                break
            take(self.ridges.solve(entry.setting, self.options.ridges.index(entry.setting.ridge)))
            self.ridges.forget(entry.setting)
        one_each = [
            entry.setting
            for entry in others
            if entry.setting.individual
            and entry.setting.shared is None
            # as good on validation, which tells little where rows bear all that it asks for
            and entry.validation_mse <= selected.error * (1.0 + LEAST_GAIN)
        ]
        forms = [selected.setting, *one_each]
        views = itertools.product(self.search.lookbacks, self.search.norms)
        for (lookback, norm), form in itertools.product(views, forms):
            setting = replace(form, lookback=lookback, norm=norm)
            if setting == form:
                continue
            if self.is_late():
                break
            start = self._best_ridge(norm)
            if setting.shared is not None:
                shared = self.ridges.best(replace(setting.shared, ridge=0.0), start)
                setting = replace(setting, shared_ridge=shared.setting.ridge)
                start = self.ridges.number(selected)
                self.ridges.forget(shared.setting)
            first = self.ridges.solve(setting, start)
            hopeless = first.error > HOPELESS * near
            take(first if hopeless else self.ridges.best(setting, start, near))
            self.ridges.forget(setting)
        combination = Combination.of(settings, mean_products(errors), n_independent)
        self.compared += [
            replace(entry, chosen=True, share=combination.share(entry.setting))
            for entry in self._entries(combination)
        ]
        return combination

    def _independent_errors(self, selected: Candidate) -> float:
        """Return how many independent errors validation has of a candidate.

        Infinitely many where series are short: candidates differ by more then than by chance.
        """
        if len(self.folds) == 1 and not are_long(self.problem, self.training.series):
            return math.inf
        windows = self.windows
        n_series = len(windows.series.unique())
        errors = windows.residuals(selected)
        return independent_errors(errors, windows.n_apart, n_series, self.problem.shift)

    def _other_forms(self, selected: Candidate) -> list[ComparedSetting]:
        """Return what else was compared of the same view: other lengths, one head each, pooled."""
        forms: dict[Setting, ComparedSetting] = {}
        for entry in sorted(self.compared, key=lambda entry: entry.validation_mse):
            one = entry.setting
            generated = one.embedding_dim and (one.shared or not one.individual)
            alike = not generated or one.embedding_start == self._starts[one.n_factors]
            told_apart = generated or one.individual or one.attributed
            alike &= not told_apart or one.attributed == selected.setting.attributed
            if one.view == selected.setting.view and alike:
                forms.setdefault(replace(one, ridge=0.0), entry)
        forms.pop(replace(selected.setting, ridge=0.0), None)
        return list(forms.values())

    def _best_ridge(self, norm: str) -> int:
        """Return the number of the ridge that was best with an instance norm so far."""
        tried = [
            entry
            for entry in self.compared
            if entry.setting.norm == norm and entry.setting.shared is None
        ]
        best = min(tried, key=lambda entry: entry.validation_mse)
        return self.options.ridges.index(best.setting.ridge)

    def _entries(self, combination: Combination) -> list[ComparedSetting]:
        """Return what was written down of the settings of a combination, by their shares."""
        written = {entry.setting: entry for entry in self.compared}
        entries = [written[setting] for setting in combination.settings]
        return sorted(entries, key=lambda entry: combination.share(entry.setting))

    def totals(self, combination: Combination, selected: Candidate) -> list[Solved]:
        """Return the weights of a combination on every fold."""
        self._kept[selected.setting] = selected
        totals = [
            fold.training.added_up(combination, self._solutions(combination, number))
            for number, fold in enumerate(self.folds)
        ]
        self._kept.clear()
        return totals

    def _keep(self, candidate: Candidate) -> None:
        """Keep the weights of what may be added up, as long as all of them take little memory."""
        self._kept[candidate.setting] = candidate
        of_folds = itertools.chain.from_iterable(map(_of_folds, self._kept.values()))
        n_bytes = sum(one.weights.weight.nbytes for one in of_folds)
        if n_bytes > self.options.max_memory_gb * 2**30 / 8:
            del self._kept[candidate.setting]

    def _solutions(self, combination: Combination, fold: int) -> Iterator[Candidate]:
        """Yield the settings of a combination with their weights on a fold, one after the other.

        Those that are not kept are solved again.
        """
        ridges = self.searches[fold]
        drifting = [replace(one, drift=True) for one in combination.settings]
        for number, setting in enumerate(combination.settings):
            if setting in self._kept:
                yield _of_folds(self._kept[setting])[fold]
                continue
            ridge = self.options.ridges.index(setting.ridge)
            found = ridges.solve(drifting[number], ridge)
            yield found if setting.drift else ridges.without_drift(found)
            if drifting[number] not in drifting[number + 1 :]:
                ridges.forget(drifting[number])

    def add_neighbours(
        self, combination: Combination, totals: Sequence[Solved], selected: Candidate
    ) -> Combination:
        """Return a combination with the last values of all channels, where they gain clearly.

        Parameters
        ----------
        combination : Combination
        totals : sequence of Solved
            Its weights on every fold.
        selected : Candidate
            Where it subtracts a level, changes count in the place of values.
        """
        wanted = self.search.neighbours and self._tells_channels_apart
        if not wanted or self._is_weighted or self.options.embedding_steps or self.is_late():
            return combination
        changes = selected.setting.norm != "none"
        of_all_channels = [w for w in self.validation_windows if isinstance(w, ValidationWindows)]
        folds = [
            NeighbourFold(fold.training, windows, total, scale)
            for fold, windows, total, scale in zip(
                self.folds, of_all_channels, totals, self._scales, strict=True
            )
        ]
        choice = NeighbourChoice(folds, changes, LEAST_GAIN)
        combination = replace(combination, neighbours=choice.choose())
        self.training.neighbours = choice.weights
        self.compared += choice.compared
        return combination

    def release(self) -> None:
        """Give up what is kept of moments and solutions, where nothing more is compared."""
        self.ridges.release()
        self._kept.clear()
        for fold in self.folds:
            fold.training.release()
            fold.validation.release()

    def _is_individual(self, dim: int) -> bool:
        """Say whether an embedding of length ``dim`` leaves nothing shared."""
        return dim == self.training.n_channels

    def _with_attributes(self, selected: Candidate) -> Candidate:
        """Return the candidate with weights that attributes generate, unless it loses clearly.

        Validation knows all channels; for those that are not known yet attributes are all there is.
        """
        setting = replace(selected.setting, attributed=True)
        candidate = self.ridges.best(setting, self.ridges.number(selected))
        selected = self.ridges.best(selected.setting, self.ridges.number(selected))
        preferred = not gains_clearly(selected, candidate, self.windows, LEAST_GAIN)
        self._record(candidate, preferred)
        kept, dropped = (candidate, selected) if preferred else (selected, candidate)
        self.ridges.forget(dropped.setting)
        return kept

    def _lengthen_embedding(self, selected: Candidate) -> Candidate:
        """Try longer and longer embeddings, until one is no better than the one before."""
        falls = True
        error = selected.error
        for dim in self.search.embedding_dims:
            individual = self._is_individual(dim)
            if dim <= selected.setting.embedding_dim or not (falls or individual):
                continue
            if self.is_late():
                break
            setting = replace(selected.setting, embedding_dim=dim, individual=individual)
            if setting.attributed and setting.attribute_ridge is None:
                setting = replace(setting, attribute_ridge=selected.setting.ridge)
            setting = self._with_embedding(setting, self.ridges.number(selected))
            selected = self._compare(selected, setting, self.search.embedding_dim_requested)
            falls = self.compared[-1].validation_mse < error
            error = self.compared[-1].validation_mse
        return selected

    def _with_embedding(self, setting: Setting, ridge: int) -> Setting:
        """Return a setting with what its embedding is made of, and rounds of learning it.

        The start is that of least error where an embedding is compared first with a number of
        factors: what channels load on factors with is another matter than how each moves.
        """
        starts, n_factors = self.search.embedding_starts, setting.n_factors
        if n_factors:
            starts += self.search.starts_beside_factors
        setting = replace(setting, embedding_start=starts[0], n_rounds=0)
        if setting.individual or not setting.embedding_dim:
            return setting
        if len(starts) == 1:
            self._starts[n_factors] = starts[0]
        if n_factors not in self._starts:
            # what was chosen last comes last: likely chosen again, its sums are those at hand
            last = next(reversed(self._starts.values()), starts[-1])
            tried = [
                self.ridges.solve(replace(setting, embedding_start=start), ridge)
                for start in sorted(starts, key=lambda start: start == last)
            ]
            best = min(tried, key=lambda one: one.error)
            for one in tried:
                if one is not best:
                    self.ridges.forget(one.setting)
            self._starts[n_factors] = best.setting.embedding_start
        return self._learned(replace(setting, embedding_start=self._starts[n_factors]), ridge)

    def _learned(self, setting: Setting, ridge: int) -> Setting:
        """Return a setting with as many rounds of embedding learning as go on to gain."""
        lowest = self.ridges.solve(setting, ridge) if self.options.embedding_steps else None
        for n_rounds in range(1, 1 + self.options.embedding_steps):
            assert lowest is not None
            learned = self.ridges.solve(replace(setting, n_rounds=n_rounds), ridge)
            if learned.error >= lowest.error:
                break
            lowest = learned
        return setting if lowest is None else lowest.setting

    @property
    def _is_weighted(self) -> bool:
        """Whether windows have weights, whose moments are made anew for every setting."""
        return isinstance(self.training, WeightedSplit)

    @property
    def _scales(self) -> list[float]:
        """By what mean squared errors on each fold are multiplied."""
        return self.windows.scales if isinstance(self.windows, FoldedWindows) else [1.0]

    @property
    def _tells_channels_apart(self) -> bool:
        return self.windows.n_apart >= MIN_APART

    def _with_one_each(self, selected: Candidate) -> Candidate:
        """Return one head each in the place of generated weights where it is as good.

        Where windows are many for each weight, heads of their own cost next to nothing, and
        validation tells little of what generated weights leave out.
        """
        if selected.setting.individual or not selected.setting.embedding_dim:
            return selected
        if self.search.embedding_dim_requested or self._is_weighted or self.is_late():
            return selected
        each = [
            entry
            for entry in self.compared
            if entry.setting.individual and entry.setting.view == selected.setting.view
        ]
        lowest = min(each, key=lambda entry: entry.validation_mse, default=None)
        if lowest is None or lowest.validation_mse > selected.error * (1.0 + LEAST_GAIN):
            return selected
        if self.training.windows_per_regressor(lowest.setting.view) < MANY_WINDOWS:
            return selected
        number = self.options.ridges.index(lowest.setting.ridge)
        candidate = self.ridges.best(lowest.setting, number)
        self._record(candidate, chosen=True)
        return candidate

    def _pool(self, selected: Candidate) -> Candidate:
        """Try weights of each channel's own that are drawn towards shared or generated ones."""
        if not self.search.pooled or self._is_weighted or selected.setting.n_rounds:
            return selected
        if self.is_late():
            return selected
        if not (selected.setting.individual or self._tells_channels_apart):
            return selected
        if not self.training.cache.keeps_channels(self.training.layout(selected.setting.view)):
            return selected  # every ridge would make the moments of all channels anew
        shared = selected
        if selected.setting.individual:
            setting = replace(selected.setting, embedding_dim=0, individual=False)
            shared = self.ridges.best(setting, self.ridges.number(selected))
        setting = replace(shared.setting, individual=True, shared_ridge=shared.setting.ridge)
        candidate = self.ridges.best(setting, self.options.first_pooling)
        preferred = self._is_preferred(candidate, selected, False)
        self._record(candidate, preferred)
        return candidate if preferred else selected

    def _add_factors(self, selected: Candidate) -> Candidate:
        """Try more and more common factors, until they are not selected."""
        # factors may pay only together with an embedding that alone did not
        norm = selected.setting.norm
        tried = [entry for entry in self.compared if entry.setting.norm == norm]
        best = min(tried, key=lambda entry: entry.validation_mse)
        lowest, least = best.setting, best.validation_mse
        for n_factors in self.search.n_factors[1:]:
            if self.is_late():
                break
            setting = replace(lowest, n_factors=n_factors)
            setting = self._with_embedding(setting, self.ridges.number(selected))
            wanted, before = self.search.n_factors_requested, selected
            selected = self._compare(selected, setting, wanted)
            gained = self.compared[-1].validation_mse < least * (1.0 - LEAST_GAIN)
            if selected is not before and not (gained or wanted):
                # it is the embedding that gained, which alone did not gain enough
                selected = self.ridges.solve(before.setting, self.ridges.number(before))
            if selected.setting.n_factors != n_factors:
                break
        return selected

    def _compare(self, selected: Candidate, setting: Setting, requested: bool = False) -> Candidate:
        """Return the candidate of a richer setting if it is preferred to the one selected so far.

        The two are compared with the ridge of the one selected, and each with its best ridge where
        the richer one is not preferred by that.
        """
        if self.is_late():
            return selected
        number = self.ridges.number(selected)
        candidate = self.ridges.solve(setting, number)
        preferred = self._is_preferred(candidate, selected, requested)
        if not preferred:
            # a wish is worth every ridge; else those that lead nowhere are left out
            goal = None if requested else selected.error * (1.0 - LEAST_GAIN)
            candidate = self.ridges.best(setting, number, goal)
            preferred = self._is_preferred(candidate, selected, requested)
            if preferred:
                selected = self.ridges.best(selected.setting, number)
                preferred = self._is_preferred(candidate, selected, requested)
        self._record(candidate, preferred)
        kept, dropped = (candidate, selected) if preferred else (selected, candidate)
        self.ridges.forget(dropped.setting)
        return kept

    def _is_preferred(self, rich: Candidate, simple: Candidate, requested: bool) -> bool:
        """Say whether a richer candidate takes the place of a simpler one."""
        if requested:
            return rich.error < simple.error
        return gains_clearly(rich, simple, self.windows, LEAST_GAIN)

    def _strengthen_ridge(self, selected: Candidate) -> Candidate:
        """Return the candidate with the largest ridge that loses neither clearly nor much."""
        best = chosen = self.ridges.best(selected.setting, self.ridges.number(selected))
        if best.setting not in (entry.setting for entry in self.compared):
            self._record(best, chosen=True)
        larger = range(self.ridges.number(best) + 1, len(self.options.ridges))
        in_time = itertools.takewhile(lambda number: not self.is_late(), larger)
        stronger = (self.ridges.solve(best.setting, number) for number in in_time)
        for chosen in not_clearly_worse(best, stronger, self.windows):
            self._record(chosen, chosen=True)
        return chosen

    def _record(self, candidate: Candidate, chosen: bool) -> None:
        """Write a candidate down as compared."""
        damping = candidate.weights.damping
        self.compared.append(ComparedSetting(candidate.setting, candidate.error, chosen, damping))


def _of_folds(candidate: Candidate) -> Sequence[Candidate]:
    """Return the candidate on every fold."""
    return candidate.of_folds if isinstance(candidate, FoldedCandidate) else [candidate]

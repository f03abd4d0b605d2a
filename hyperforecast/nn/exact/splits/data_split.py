"""The series of one split, training or validation, and the regressions on them."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from hyperforecast.nn.exact.embeddings.embedding_start import EmbeddingStarts, VectorsOf
from hyperforecast.nn.exact.embeddings.learned_embedding import LearnedRegression
from hyperforecast.nn.exact.embeddings.own_embedding import own_ridge_embedding
from hyperforecast.nn.exact.moments.moment_cache import MomentCache
from hyperforecast.nn.exact.moments.moment_history import MomentHistory
from hyperforecast.nn.exact.moments.moments import ChannelMoments, Moments
from hyperforecast.nn.exact.moments.own_window_cache import OwnWindowCache
from hyperforecast.nn.exact.moments.pairs import pair_weights
from hyperforecast.nn.exact.regressions.channel_regression import ChannelRegression
from hyperforecast.nn.exact.regressions.generated_regression import GeneratedRegression, is_direct
from hyperforecast.nn.exact.regressions.pooled_regression import PooledRegression
from hyperforecast.nn.exact.regressions.regression import Regression, WithoutDrift
from hyperforecast.nn.exact.regressions.squared_error import pairs_squared_error, squared_error
from hyperforecast.nn.exact.regressions.steps_from import StepsFrom
from hyperforecast.nn.exact.regressions.weights import BasisWeights
from hyperforecast.nn.exact.settings.added_up import added_up, each_solved
from hyperforecast.nn.exact.settings.candidate import Solved
from hyperforecast.nn.exact.settings.combination import Combination
from hyperforecast.nn.exact.settings.frame import Frame
from hyperforecast.nn.exact.settings.neighbours import Neighbours
from hyperforecast.nn.exact.settings.options import ExactOptions
from hyperforecast.nn.exact.settings.problem import Problem
from hyperforecast.nn.exact.settings.setting import Setting, View
from hyperforecast.nn.exact.settings.solution import ExactSolution
from hyperforecast.nn.exact.splits.neighbour_regression import NeighbourRegression
from hyperforecast.nn.exact.windows.joined_rows import joined_rows
from hyperforecast.nn.exact.windows.layout import WindowLayout
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries, has_own_windows
from hyperforecast.nn.exact.windows.units import Units
from hyperforecast.nn.series.factors import factor_loadings

BESIDE_ATTRIBUTES = "beside attributes"
"""Start of the vectors that say what attributes do not."""

BESIDE_FACTORS = "weights"
"""Start of vectors of channels with windows of their own that say how each depends on common
factors, too."""

MAX_ROUNDING = 10.0
"""How many times its rounding an error may lie below zero and still count as zero."""


class DataSplit:
    """The series of one split, and their regressions for one setting after another.

    Parameters
    ----------
    problem : Problem
    series : sequence of ObservedSeries
    options : ExactOptions
    history : MomentHistory, optional
        Of earlier fits on overlapping windows, to be carried on.
    name : str
        What the split is for, in the history.
    training : DataSplit or Frame, optional
        Where units, embedding and factors come from; made from the series themselves if not given.
    validation : sequence of ObservedSeries, default=()
        Series in which channels may move that are constant in these, see
        :meth:`Units.with_channels_that_move`; where channels have windows of their own, the units
        are of their rows, too.
    units : Units, optional
        Those of other rows, to be taken in the place of the series' own.

    Attributes
    ----------
    units : Units
        Those of the training series if not given. Moments, weights and errors all are in these.
    series : list of ObservedSeries
        In these units, those that have a window.
    by_row : list of ObservedSeries
        The same, whose channels are what has weights.
    neighbours : NeighbourWeights, optional
        What all channels' last values add, once they were solved for, or of the frame.
    """

    def __init__(
        self,
        problem: Problem,
        series: Sequence[ObservedSeries],
        options: ExactOptions,
        history: MomentHistory | None,
        name: str,
        training: "DataSplit | Frame | None" = None,
        validation: Sequence[ObservedSeries] = (),
        units: Units | None = None,
    ) -> None:
        self.problem = problem
        self.options = options
        given = [one for one in series if one.n_rows >= problem.width]
        self.units: Units
        if training is not None:
            self.units = training.units
        elif units is not None:
            self.units = units
        elif has_own_windows(given):
            # of short stretches, deviations of what is left to train on say little; and those too
            # short for a window have units, too
            self.units = training_units(problem, [*series, *validation])
        else:
            self.units = training_units(problem, given).with_channels_that_move(validation)
        self.series = self.units.standardise_all(given)
        self.by_row = self.series
        if problem.rows is not None:
            self.by_row = [
                one.replaced(channels=problem.rows.to(one.numbers)[one.numbers])
                for one in self.series
            ]
        self.n_channels = problem.n_rows or self.series[0].n_channels
        window = WindowLayout(problem.lookback, problem.horizon, problem.shift)
        max_bytes = self._max_bytes
        self.cache: MomentCache | OwnWindowCache
        if has_own_windows(self.series):
            self.cache = OwnWindowCache(self.by_row, window, self.n_channels, max_bytes)
        if training is None:
            self.vectors = self._vectors(window)
            self.loadings = self._factor_loadings()
        else:
            self.vectors, self.loadings = training.vectors, training.loadings

        def own_products(number: int, _: ObservedSeries, width: int) -> Tensor:
            assert history is not None
            return history.products(name, number, given[number], width, self.units.target)

        norm = problem.search.norms[0]
        self._start = problem.search.embedding_starts[0], False
        weights = self._pair_weights(*self._start)
        if has_own_windows(self.series):
            self.cache.weigh(weights)
        else:
            self.cache = MomentCache(
                self.series,
                self.layout(View(norm)),
                max_bytes,
                weights=weights,
                by_channel=self.n_channels in problem.search.embedding_dims
                or problem.search.pooled,
                give_own_products=None if history is None else own_products,
            )
        self._mean_square = _largest_mean_square(self.series)
        self.neighbours = training.neighbours if isinstance(training, Frame) else None
        self._moments: tuple[View, ChannelMoments] | None = None
        self._given: dict[View, ChannelMoments] = {}
        self._given_pairs: dict[View, Moments] = {}

    @property
    def _max_bytes(self) -> int:
        return int(self.options.max_memory_gb * 2**30) // 2  # training and validation together

    def layout(self, view: View) -> WindowLayout:
        """Return where things lie in a window as a regression sees it."""
        problem = self.problem
        lookback = view.lookback or problem.lookback
        factor_lookback = min(view.factor_lookback or self.options.factor_lookback, lookback)
        return WindowLayout(
            problem.lookback,
            problem.horizon,
            problem.shift,
            view.norm,
            self.loadings[:, : view.n_factors] if view.n_factors else None,
            factor_lookback if view.n_factors else 0,
            self.n_channels if view.neighbour_steps else 0,
            view.neighbour_steps,
            unused=problem.lookback - lookback,
        )

    def moments(self, view: View) -> ChannelMoments:
        """Return the moments of the channels as a regression sees them; the last ones are kept."""
        if view in self._given:
            return self._given[view]
        if self._moments is None or self._moments[0] != view:
            self._moments = (view, self.cache.channel_moments(self.layout(view)))
        return self._moments[1]

    def pairs(self, setting: Setting) -> Moments | None:
        """Return the sums of a setting's moments by pairs of basis weights, if they suffice."""
        if not self.pairs_suffice(setting) or setting.view in self._given:
            return None
        n_bases = self._n_bases(setting)
        count = n_bases * (n_bases + 1) // 2
        if setting.view in self._given_pairs:
            return self._given_pairs[setting.view].channels(slice(count))
        if n_bases > 1 and (setting.embedding_start, setting.attributed) != self._start:
            self._start = setting.embedding_start, setting.attributed
            self.cache.weigh(self._pair_weights(*self._start))
        return self.cache.summed_moments(self.layout(setting.view), count)

    def release(self) -> None:
        """Give up the moments that are kept; they are made again when needed."""
        self._moments = None
        self.cache.release()

    def pairs_suffice(self, setting: Setting) -> bool:
        """Say whether sums by pairs of basis weights are all that a setting's regression needs."""
        layout = self.layout(setting.view)
        size = self._n_bases(setting) * self._n_regressors(layout)
        return not setting.individual and is_direct(size)

    def sums(self, setting: Setting) -> Moments:
        """Return all moments that the regression of a setting is made of, to be added to others."""
        pairs = self.pairs(setting)
        if pairs is not None:
            return pairs
        chunks = self.moments(setting.view)
        return Moments.stacked([moments for _, moments in chunks])

    def use(self, setting: Setting, sums: Moments) -> None:
        """Let the regression of a setting be made of given :meth:`sums`."""
        if self.pairs_suffice(setting):
            self._given_pairs[setting.view] = sums
        else:
            self._given[setting.view] = [(slice(0, self.n_channels), sums)]

    def windows_per_regressor(self, view: View) -> float:
        """Return how many windows there are for each regressor of a channel."""
        return self.cache.n_windows / self._n_regressors(self.layout(view))

    def mixing(self, setting: Setting, embedding: Tensor | None = None) -> Tensor:
        """Return the mixing vectors of the channels, (C, M)."""
        like = self.series[0].target
        one_each = torch.eye(self.n_channels if setting.individual else 0).to(like)
        if setting.one_each:
            return one_each
        if embedding is None:
            embedding = self.embedding(setting)
        mixing = torch.cat([like.new_ones(self.n_channels, 1), embedding], dim=1)
        return torch.cat([mixing, one_each], dim=1) if setting.individual else mixing

    def embedding(self, setting: Setting) -> Tensor:
        """Return the channel embedding that a setting starts from, behind the attributes."""
        like = self.series[0].target
        if not setting.attributed:
            if not setting.embedding_dim:
                return like.new_zeros(self.n_channels, 0)
            return self.vectors(setting.embedding_start)[:, : setting.embedding_dim]
        assert self.problem.attributes is not None
        free = self.vectors(BESIDE_ATTRIBUTES)[:, : setting.embedding_dim]
        return torch.cat([self.problem.attributes.to(like), free], dim=1)

    def regression(self, setting: Setting, embedding: Tensor | None = None) -> Regression:
        """Return the regression of a setting, for its own embedding or a given one."""
        if not setting.drift:
            return WithoutDrift(self.regression(replace(setting, drift=True), embedding))
        moments = self.moments(setting.view)
        if setting.n_rounds:
            start = replace(setting, n_rounds=0)
            return LearnedRegression(moments, partial(self.regression, start), setting.n_rounds)
        regressors = self.layout(setting.view).regressors(self.series[0])
        if setting.shared is not None:
            base = self.regression(setting.shared)
            shared = base.solve(setting.shared.ridge)
            one_each = torch.eye(self.n_channels).to(base.mixing)
            if setting.attributed:
                own = partial(ChannelRegression, mixing=one_each, regressors=regressors)
                return StepsFrom(moments, shared, base.mixing, own)
            return PooledRegression(moments, shared, base.mixing, one_each, regressors)
        if setting.individual:
            return ChannelRegression(moments, self.mixing(setting), regressors)
        pairs = self.pairs(setting) if embedding is None else None
        return GeneratedRegression(moments, self.mixing(setting, embedding), pairs, regressors)

    def error(
        self, setting: Setting, weights: BasisWeights, embedding: Tensor | None = None
    ) -> float:
        """Return the mean squared error of solved weights, for a setting's embedding or another.

        In units of each channel's training variance, and no less than rounding leaves of it.
        Infinite where rounding has left nothing of it: below zero, or not finite.
        """
        pairs = self.pairs(setting) if embedding is None else None
        mixing = self.mixing(setting, embedding)
        if pairs is not None:
            error = pairs_squared_error(pairs, weights)
        else:
            moments = self.moments(setting.view)
            error = squared_error(moments, weights, mixing)
        error = error / (self.cache.n_forecasts * self.problem.horizon)
        rounding = self._rounding(weights, mixing)
        if not (math.isfinite(error) and error > -MAX_ROUNDING * rounding):
            return math.inf
        return max(error, rounding)

    def _rounding(self, weights: BasisWeights, mixing: Tensor) -> float:
        """Return the rounding of a mean squared error that is a difference of mean squares."""
        size = torch.cat(
            [
                weights.weight.abs().sum(dim=2).amax(dim=1, keepdim=True),
                weights.future.abs().sum(dim=1, keepdim=True),
            ],
            dim=1,
        ).sum(dim=1)  # (M,)
        forecast = (size * mixing.abs().amax(dim=0)).sum().item()
        return torch.finfo(size.dtype).eps * self._mean_square * (1 + forecast) ** 2

    def solve(self, setting: Setting) -> ExactSolution:
        """Solve a setting whose ridge is known."""
        return self.solve_all(Combination.alone(setting))

    def solve_all(self, combination: Combination) -> ExactSolution:
        """Solve the settings of a combination, whose ridges are known."""
        solved = self._each_solved(combination)
        return self.as_solution(combination, self.added_up(combination, solved))

    def _each_solved(self, combination: Combination) -> Iterator[Solved]:
        def solve(setting: Setting) -> Solved:
            regression = self.regression(setting)
            return Solved(setting, regression.solve(setting.ridge), regression.mixing)

        return each_solved(combination, solve)

    def added_up(self, combination: Combination, solved: Iterable[Solved]) -> Solved:
        """Return the weights that forecast what the settings of a combination do together."""
        said: Sequence[BasisWeights | None] = [
            None if setting.of_attributes is None else self._said(setting.of_attributes)
            for setting in combination.settings
        ]
        return added_up(combination, solved, self.layout, self.series[0], self.n_attributes, said)

    def _said(self, setting: Setting) -> BasisWeights:
        """Return what attributes generate alone."""
        return self.regression(setting).solve(setting.ridge)

    def as_solution(self, combination: Combination, total: Solved) -> ExactSolution:
        """Return what the settings of a combination amount to, with what belongs to it."""
        if combination.neighbours is not None:
            total = self.with_neighbours(total, combination.neighbours)
        setting = total.setting
        layout = self.layout(setting.view)
        return ExactSolution(
            setting=setting,
            combination=combination,
            embedding=total.mixing if setting.one_each else total.mixing[:, 1:],
            vectors=self._vectors_of(combination, total),
            neighbours=self.neighbours,
            loadings=self.loadings[:, : setting.n_factors],
            factor_lookback=layout.factor_lookback,
            mixing=total.mixing,
            weights=total.weights,
            units=self.units,
            attributes=self.problem.attributes,
            shared=self._for_all(combination) if setting.one_each else None,
        )

    def _for_all(self, combination: Combination) -> BasisWeights:
        """Return the weight that all channels would share, by the regressors of a combination."""
        for_all = combination.for_all
        total = self.added_up(for_all, self._each_solved(for_all))
        if combination.neighbours is None:
            return total.weights
        assert self.neighbours is not None
        layout = self.layout(total.setting.view)
        one = replace(total, mixing=total.mixing[:1])
        regressors = layout.regressors(self.series[0])
        return self.neighbours.none_of(1).added_to(one, regressors).weights

    @property
    def n_attributes(self) -> int:
        """Number S of attributes of the channels."""
        return 0 if self.problem.attributes is None else self.problem.attributes.shape[1]

    def _n_bases(self, setting: Setting) -> int:
        """Return the number of basis weights of a setting that shares some."""
        return 1 + setting.embedding_dim + (self.n_attributes if setting.attributed else 0)

    def with_neighbours(
        self, solved: Solved, neighbours: Neighbours, starts: Sequence[Tensor] | None = None
    ) -> Solved:
        """Return weights that see the last values of all channels as well.

        Parameters
        ----------
        solved : Solved
        neighbours : Neighbours
        starts : sequence of Tensor, optional
            First rows of the windows of each series that count; all windows if not given.
        """
        weights = self.neighbours
        if weights is None or starts is not None:
            assert isinstance(self.cache, MomentCache)
            regression = NeighbourRegression(self.cache, self.layout, solved, neighbours, starts)
            weights = regression.as_weights(neighbours.ridge)
        if starts is None:
            self.neighbours = weights
        layout = self.layout(solved.setting.view)
        return weights.added_to(solved, layout.regressors(self.series[0]))

    def _vectors_of(self, combination: Combination, total: Solved) -> Tensor:
        """Return the channel embedding that the settings of a combination were solved with."""
        generated = [one.shared or one for one in combination.settings]
        generated = [one for one in generated if not one.individual]
        longest = max(generated, key=lambda one: one.embedding_dim, default=None)
        if longest is None:
            return total.mixing[:, :0]
        return total.mixing[:, 1:] if longest.n_rounds else self.embedding(longest)

    def _pair_weights(self, start: str, attributed: bool) -> Tensor:
        """Return the weights of pairs of basis weights, those of vectors with a start."""
        norm = self.problem.search.norms[0]
        longest = Setting(norm, 0, False, 0, embedding_start=start, attributed=attributed)
        longest = replace(longest, embedding_dim=self._longest_direct(longest))
        return pair_weights(self.mixing(longest))

    def _factor_loadings(self) -> Tensor:
        """Return the loadings of the factors, as many as are compared."""
        targets, n_factors = [one.known for one in self.series], max(self.problem.search.n_factors)
        if not n_factors:
            return targets[0].new_zeros(self.n_channels, 0)
        # channels that have windows of their own are alike in another way than by what they share
        own = has_own_windows(self.series)
        components = None if own else self.vectors("correlation").cpu()
        return factor_loadings(targets, n_factors, components).to(targets[0].device)

    def _vectors(self, window: WindowLayout) -> VectorsOf:
        """Return what gives the channel embedding, as long as any that is compared."""
        longest = max(self._shared_dims(), default=0)
        if not has_own_windows(self.series):
            n_components = max(longest, *self.problem.search.n_factors)
            return EmbeddingStarts(self.series, window, n_components, self._max_bytes // 2)
        if not longest:
            none = self.series[0].target.new_zeros(self.n_channels, 0)
            return lambda start: none
        # channels that share no time axis are alike in how they depend on their own past alone
        window = replace(window, norm="last")
        moments, attributes = self.cache.channel_moments(window), self.problem.attributes
        embed = partial(own_ridge_embedding, embedding_dim=longest)
        regressors = window.regressors(self.series[0])
        vectors = embed(moments, regressors)
        made: dict[str, Tensor] = {}
        if attributes is not None:
            made[BESIDE_ATTRIBUTES] = embed(moments, regressors, attributes=attributes.to(vectors))

        def vectors_of(start: str) -> Tensor:
            if start == BESIDE_FACTORS and start not in made:
                # and on what they have in common with those that do
                layout = self.layout(View("last", max(self.problem.search.n_factors)))
                beside = self.cache.channel_moments(layout)
                made[start] = embed(beside, layout.regressors(self.series[0]))
            return made.get(start, vectors)

        return vectors_of

    def _shared_dims(self) -> list[int]:
        """Return the lengths of the embedding that leave something shared."""
        return [dim for dim in self.problem.search.embedding_dims if dim < self.n_channels]

    def _longest_direct(self, like: Setting) -> int:
        """Return the longest embedding whose equations are factorised, of settings like one."""
        search = self.problem.search
        shortest = min(one or self.problem.lookback for one in search.lookbacks)
        n_regressors = self._n_regressors(self.layout(View(search.norms[0], lookback=shortest)))
        n_others = self._n_bases(like)
        direct = [dim for dim in self._shared_dims() if is_direct((n_others + dim) * n_regressors)]
        return max(direct, default=0)

    def _n_regressors(self, layout: WindowLayout) -> int:
        return layout.regressors(self.series[0]).total


def training_units(problem: Problem, series: Sequence[ObservedSeries]) -> Units:
    """Return the units of series that are trained on.

    Where channels have windows of their own, those of series too short for a window count as well.
    """
    n_ahead = problem.width - problem.lookback
    if has_own_windows(series):
        return Units.of(series, problem.lookback, n_ahead, problem.n_channels)
    long = [one for one in series if one.n_rows >= problem.width]
    return Units.of(long, problem.lookback, n_ahead)


def _largest_mean_square(series: Sequence[ObservedSeries]) -> float:
    """Return the mean square of the channel or covariate that has the largest, at least one."""
    largest = 1.0
    for kind in ("target", "past", "future"):
        values = [rows for one in series if (rows := getattr(one, kind)) is not None]
        if values and values[0].shape[1]:
            squares = [rows.square().sum(dim=0) for rows in joined_rows(values)]
            n_rows = sum(rows.shape[0] for rows in values)
            largest = max(largest, torch.stack(squares).sum(dim=0).max().item() / n_rows)
    return largest

"""The series of one split, training or validation, and the regressions on them."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from hyperforecast.nn.correlation import correlation_embedding
from hyperforecast.nn.exact.channel_regression import ChannelRegression
from hyperforecast.nn.exact.frame import Frame
from hyperforecast.nn.exact.generated_regression import GeneratedRegression, is_direct
from hyperforecast.nn.exact.layout import WindowLayout
from hyperforecast.nn.exact.learned_embedding import learn_embedding
from hyperforecast.nn.exact.moment_cache import MomentCache
from hyperforecast.nn.exact.moment_history import MomentHistory
from hyperforecast.nn.exact.moments import ChannelMoments, Moments
from hyperforecast.nn.exact.observed_series import ObservedSeries
from hyperforecast.nn.exact.options import ExactOptions
from hyperforecast.nn.exact.pairs import pair_weights
from hyperforecast.nn.exact.problem import Problem
from hyperforecast.nn.exact.regression import Regression
from hyperforecast.nn.exact.setting import Setting
from hyperforecast.nn.exact.solution import ExactSolution
from hyperforecast.nn.exact.squared_error import pairs_squared_error, squared_error
from hyperforecast.nn.exact.units import Units
from hyperforecast.nn.exact.weights import BasisWeights
from hyperforecast.nn.factors import factor_loadings

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
        Series in which channels may move that are constant in these; see
        :meth:`Units.with_channels_that_move`.

    Attributes
    ----------
    units : Units
        Those of the training series. Moments, weights and errors all are in these units.
    series : list of ObservedSeries
        In these units, those that have a window.
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
    ) -> None:
        self.problem = problem
        self.options = options
        given = [one for one in series if len(one.target) >= problem.width]
        if training is None:
            units = Units.of(given, problem.lookback, problem.width - problem.lookback)
            self.units = units.with_channels_that_move(validation)
        else:
            self.units = training.units
        self.series = [self.units.standardise(one) for one in given]
        self.n_channels = self.series[0].n_channels
        if training is None:
            self.embedding, self.loadings = self._principal_components()
        else:
            self.embedding, self.loadings = training.embedding, training.loadings

        def own_products(number: int, _: ObservedSeries, width: int) -> Tensor:
            assert history is not None
            return history.products(name, number, given[number], width, self.units.target)

        norm = problem.search.norms[0]
        longest = Setting(norm, self._longest_direct(), False, 0)
        self.cache = MomentCache(
            self.series,
            self.layout(norm, 0),
            int(options.max_memory_gb * 2**30) // 2,  # training and validation are held at once
            weights=pair_weights(self.mixing(longest)),
            by_channel=self.n_channels in problem.search.embedding_dims,
            give_own_products=None if history is None else own_products,
        )
        self._mean_square = _largest_mean_square(self.series)
        self._moments: tuple[tuple[str, int], ChannelMoments] | None = None
        self._given_pairs: tuple[tuple[str, int], Moments] | None = None

    def layout(self, norm: str, n_factors: int) -> WindowLayout:
        """Return where things lie in a window under a setting."""
        problem = self.problem
        return WindowLayout(
            problem.lookback,
            problem.horizon,
            problem.shift,
            norm,
            self.loadings[:, :n_factors] if n_factors else None,
            min(self.options.factor_lookback, problem.lookback) if n_factors else 0,
        )

    def moments(self, norm: str, n_factors: int) -> ChannelMoments:
        """Return the moments of the channels under a setting; the last ones are kept."""
        where = (norm, n_factors)
        if self._moments is None or self._moments[0] != where:
            self._moments = (where, self.cache.channel_moments(self.layout(norm, n_factors)))
        return self._moments[1]

    def pairs(self, setting: Setting) -> Moments | None:
        """Return the sums of a setting's moments by pairs of basis weights, if they suffice."""
        if not self.pairs_suffice(setting):
            return None
        n_bases = 1 + setting.embedding_dim
        count = n_bases * (n_bases + 1) // 2
        layout = self.layout(setting.norm, setting.n_factors)
        if not self.pairs_suffice(setting):
            return None
        where = (setting.norm, setting.n_factors)
        if self._given_pairs is not None and self._given_pairs[0] == where:
            return self._given_pairs[1].channels(slice(count))
        return self.cache.summed_moments(layout, count)

    def release(self) -> None:
        """Give up the moments that are kept; they are made again when needed."""
        self._moments = None
        self.cache.release()

    def pairs_suffice(self, setting: Setting) -> bool:
        """Say whether sums by pairs of basis weights are all that a setting's regression needs."""
        layout = self.layout(setting.norm, setting.n_factors)
        size = (1 + setting.embedding_dim) * self._n_regressors(layout)
        return not setting.individual and is_direct(size)

    def sums(self, setting: Setting) -> Moments:
        """Return all moments that the regression of a setting is made of, to be added to others."""
        pairs = self.pairs(setting)
        if pairs is not None:
            return pairs
        chunks = self.moments(setting.norm, setting.n_factors)
        return Moments.stacked([moments for _, moments in chunks])

    def use(self, setting: Setting, sums: Moments) -> None:
        """Let the regression of a setting be made of given :meth:`sums`."""
        where = (setting.norm, setting.n_factors)
        if self.pairs_suffice(setting):
            self._given_pairs = (where, sums)
        else:
            self._moments = (where, [(slice(0, self.n_channels), sums)])

    def mixing(self, setting: Setting, embedding: Tensor | None = None) -> Tensor:
        """Return the mixing vectors of the channels, (C, M)."""
        like = self.series[0].target
        if setting.individual:
            return torch.eye(self.n_channels, dtype=like.dtype, device=like.device)
        if embedding is None:
            embedding = self.embedding[:, : setting.embedding_dim]
        return torch.cat([like.new_ones(self.n_channels, 1), embedding], dim=1)

    def regression(self, setting: Setting, embedding: Tensor | None = None) -> Regression:
        """Return the regression of a setting, for its own embedding or a given one."""
        moments = self.moments(setting.norm, setting.n_factors)
        layout = self.layout(setting.norm, setting.n_factors)
        regressors = layout.regressors(self.series[0])
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
            moments = self.moments(setting.norm, setting.n_factors)
            error = squared_error(moments, weights, mixing)
        error = error / (self.cache.n_windows * self.n_channels * self.problem.horizon)
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

    def solve(self, setting: Setting, n_steps: int = 0) -> ExactSolution:
        """Solve a setting whose ridge is known, with ``n_steps`` rounds of embedding learning."""
        regression = self.regression(setting)
        weights = regression.solve(setting.ridge)
        for _ in range(n_steps):
            moments = self.moments(setting.norm, setting.n_factors)
            embedding = learn_embedding(moments, weights, regression.mixing)
            regression = self.regression(setting, embedding)
            weights = regression.solve(setting.ridge)
        return self.as_solution(setting, weights, regression.mixing)

    def as_solution(self, setting: Setting, weights: BasisWeights, mixing: Tensor) -> ExactSolution:
        """Return solved weights with what belongs to them."""
        layout = self.layout(setting.norm, setting.n_factors)
        return ExactSolution(
            setting=setting,
            embedding=mixing if setting.individual else mixing[:, 1:],
            loadings=self.loadings[:, : setting.n_factors],
            factor_lookback=layout.factor_lookback,
            mixing=mixing,
            weights=weights,
            units=self.units,
        )

    def _principal_components(self) -> tuple[Tensor, Tensor]:
        """Return channel embedding and loadings of the factors, as long as any that is compared."""
        targets = [one.target for one in self.series]
        device = targets[0].device
        longest, n_factors = max(self._shared_dims(), default=0), max(self.problem.search.n_factors)
        components = correlation_embedding(targets, max(longest, n_factors))
        loadings = factor_loadings(targets, n_factors, components)
        return components[:, :longest].to(device), loadings.to(device)

    def _shared_dims(self) -> list[int]:
        """Return the lengths of the embedding that leave something shared."""
        return [dim for dim in self.problem.search.embedding_dims if dim < self.n_channels]

    def _longest_direct(self) -> int:
        """Return the longest embedding whose equations are factorised."""
        n_regressors = self._n_regressors(self.layout(self.problem.search.norms[0], 0))
        direct = [dim for dim in self._shared_dims() if is_direct((1 + dim) * n_regressors)]
        return max(direct, default=0)

    def _n_regressors(self, layout: WindowLayout) -> int:
        return layout.regressors(self.series[0]).total


def _largest_mean_square(series: Sequence[ObservedSeries]) -> float:
    """Return the mean square of the channel or covariate that has the largest, at least one."""
    largest = 1.0
    for kind in ("target", "past", "future"):
        values = [rows for one in series if (rows := getattr(one, kind)) is not None]
        if values and values[0].shape[1]:
            squares = torch.stack([rows.square().sum(dim=0) for rows in values]).sum(dim=0)
            largest = max(largest, squares.max().item() / sum(map(len, values)))
    return largest

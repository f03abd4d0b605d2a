"""Closed-form training: which setting, and its weights."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor

from hyperforecast.nn.contexts import correlation_embedding
from hyperforecast.nn.exact.history import MomentHistory
from hyperforecast.nn.exact.moments import (
    MomentBank,
    Moments,
    Panel,
    Pieces,
    PiecesSubset,
    WindowLayout,
    window_regressors,
)
from hyperforecast.nn.exact.regression import (
    ChannelMoments,
    ChannelRegression,
    GeneratedRegression,
    Weights,
    squared_error,
)
from hyperforecast.nn.factors import factor_loadings

MIN_HELD_OUT = 4
"""Number of windows held out below which no settings are compared."""

RIDGES = tuple(10 ** (exponent / 2) for exponent in range(-10, 3))
"""Ridges tried, in units of the mean penalised diagonal of the normal equations."""


@dataclass(frozen=True)
class ExactOptions:
    """What can be set of the exact solver.

    Parameters
    ----------
    ridge : float, optional
        Penalty on the squared weights, in units of the mean diagonal of the normal equations.
        Chosen on validation among 1e-5 … 10 if not given.
    validation_size : float, default=0.2
        Part of the windows, the last of each series, that is held out where no validation
        series is given. The final weights are fitted on all windows.
    embedding_steps : int, default=0
        Most rounds of learning the channel embedding: weights and embedding are solved for in
        turn, both exactly, until validation stops improving. With 0 the embedding is the
        principal components of the training channels' correlation.
    factor_lookback : int, default=12
        Number of most recent steps at which common factors enter (at most the lookback).
    max_memory_gb : float, default=4.0
        Memory that kept moments may take; where they would take more they are made again when
        needed.
    """

    ridge: float | None = None
    validation_size: float = 0.2
    embedding_steps: int = 0
    factor_lookback: int = 12
    max_memory_gb: float = 4.0

    def __post_init__(self) -> None:
        if self.ridge is not None and not self.ridge > 0:
            raise ValueError(f"ridge must be positive; got {self.ridge}.")
        if not 0 < self.validation_size < 1:
            raise ValueError(
                "validation_size must be a part of the windows, between 0 and 1; got "
                f"{self.validation_size}."
            )
        if self.embedding_steps < 0:
            raise ValueError(f"embedding_steps must be >= 0; got {self.embedding_steps}.")
        if self.factor_lookback < 1:
            raise ValueError(f"factor_lookback must be >= 1; got {self.factor_lookback}.")
        if not self.max_memory_gb > 0:
            raise ValueError(f"max_memory_gb must be positive; got {self.max_memory_gb}.")

    @property
    def ridges(self) -> tuple[float, ...]:
        """Ridges to choose from."""
        return RIDGES if self.ridge is None else (self.ridge,)


@dataclass(frozen=True)
class Setting:
    """One entrant of the race on validation.

    Attributes
    ----------
    norm : str
        Instance norm.
    embedding_dim : int
        Length E of the channel embedding; 0 for one weight for all channels.
    individual : bool
        Whether every channel has weights of its own instead.
    n_factors : int
        Number K of common factors.
    ridge : float
        In units of the mean penalised diagonal.
    """

    norm: str
    embedding_dim: int
    individual: bool
    n_factors: int
    ridge: float = math.nan


@dataclass(frozen=True)
class RaceEntry:
    """A setting, its mean squared error on validation, and whether it won over the one before."""

    setting: Setting
    validation_mse: float
    chosen: bool


@dataclass(frozen=True)
class ExactSolution:
    """What the solver found.

    Attributes
    ----------
    setting : Setting
        The winner of the race.
    embedding : Tensor, shape (C, E)
        Channel embedding; with individual weights, the identity.
    loadings : Tensor, shape (C, K)
        Of the common factors.
    factor_lookback : int
    mixing : Tensor, shape (C, M)
        ``[1, embedding]``, or with individual weights the identity.
    weights : Weights
        Of the M mixed weights.
    residual_quantiles : Tensor, shape (C, H, P), optional
        Quantiles of the validation residuals, where asked for; of the training residuals where
        there were too few windows to hold any out.
    race : list of RaceEntry
        In the order in which settings were compared; empty if there were too few windows.
    """

    setting: Setting
    embedding: Tensor
    loadings: Tensor
    factor_lookback: int
    mixing: Tensor
    weights: Weights
    residual_quantiles: Tensor | None = None
    race: list[RaceEntry] = field(default_factory=list)


@dataclass(frozen=True)
class Problem:
    """What is to be forecast from what, and which settings are in the race.

    Attributes
    ----------
    lookback, horizon, shift : int
        L, H and the number of steps between them.
    norms : tuple of str
        Instance norms, the simplest first.
    embedding_dims : tuple of int
        Lengths of the channel embedding, ascending; C means weights of each channel's own.
    n_factors : tuple of int
        Numbers of common factors, ascending.
    dims_are_asked_for, factors_are_asked_for : bool
        Whether the longest embedding, or the largest number of factors, is the user's wish. It
        then wins with any gain on validation; otherwise it has to gain clearly.
    quantiles : tuple of float
        Levels of the residual quantiles wanted.
    """

    lookback: int
    horizon: int
    shift: int = 0
    norms: tuple[str, ...] = ("none",)
    embedding_dims: tuple[int, ...] = (0,)
    n_factors: tuple[int, ...] = (0,)
    dims_are_asked_for: bool = False
    factors_are_asked_for: bool = False
    quantiles: tuple[float, ...] = ()


def solve_exact(
    problem: Problem,
    panels: Sequence[Panel],
    validation: Sequence[Panel] | None = None,
    options: ExactOptions | None = None,
    history: MomentHistory | None = None,
) -> ExactSolution:
    """Train a linear backbone, shared, generated or per channel, in closed form.

    Normalisation, length of the channel embedding, number of factors and ridge are chosen one
    after the other by the error on validation, a quadratic form in the moments of its windows.
    The simpler setting wins unless a richer one gains clearly: more than one standard error,
    taken over consecutive blocks of validation windows or over channels, and more than one
    per cent.

    Parameters
    ----------
    problem : Problem
    panels : sequence of Panel
        Training series, float64.
    validation : sequence of Panel, optional
        Validation series. Without them the last windows of each training series are held out,
        and the winner is fitted again on all windows.
    options : ExactOptions, optional
    history : MomentHistory, optional
        Of earlier fits on overlapping windows, to be carried on.

    Returns
    -------
    ExactSolution
    """
    options = options or ExactOptions()
    held_out = validation is None
    training = list(panels)
    if validation is None:
        training, validation = hold_out(problem, panels, options.validation_size)
    width = problem.lookback + problem.shift + problem.horizon
    n_held_out = sum(len(panel.target) - width + 1 for panel in validation)
    if not training or not validation or (held_out and n_held_out < MIN_HELD_OUT):
        # too few windows to compare anything: the simplest setting with a moderate ridge, and the
        # instance norm that falls back to the last value
        setting = Setting(
            "last" if "last" in problem.norms else problem.norms[0],
            min(problem.embedding_dims),
            False,
            min(problem.n_factors),
            options.ridge or 1e-2,
        )
        individual = setting.embedding_dim == panels[0].target.shape[1] > 0
        setting = replace(setting, individual=individual)
        race = _Race(problem, panels, panels, options, None)  # with nobody in it
        solution = race.training.solution(setting)
        if not problem.quantiles:
            return solution
        entrant = _Entrant(setting, solution.weights, solution.mixing, math.nan)
        return replace(solution, residual_quantiles=race.residual_quantiles(entrant))

    race = _Race(problem, training, validation, options, history)
    winner, n_steps = race.run()
    if held_out:
        fit = _Fit(problem, panels, options, history, "all")
        solution = fit.solution(winner.setting, n_steps)
    else:
        solution = race.training.as_solution(winner.setting, winner.weights, winner.mixing)
    quantiles = race.residual_quantiles(winner) if problem.quantiles else None
    return replace(solution, race=race.entries, residual_quantiles=quantiles)


def hold_out(
    problem: Problem, panels: Sequence[Panel], size: float
) -> tuple[list[Panel], list[Panel]]:
    """Split each panel by time: the targets of the two parts do not overlap.

    Returns
    -------
    training, validation : list of Panel
        Panels too short for a window in both parts are used for training alone.
    """
    width = problem.lookback + problem.shift + problem.horizon
    training, validation = [], []
    for panel in panels:
        n_windows = len(panel.target) - width + 1
        first = n_windows - max(1, round(size * n_windows))  # held-out window
        end = first + problem.lookback + problem.shift  # its target's first row
        if end < width:
            if n_windows > 0:
                training.append(panel)
            continue
        training.append(panel.rows(0, end))
        validation.append(panel.rows(first, len(panel.target)))
    return training, validation


class _Fit:
    """Solutions of one set of panels, for one setting after another.

    Embedding and factors are those of ``learned``, or are made from the panels themselves.
    """

    def __init__(
        self,
        problem: Problem,
        panels: Sequence[Panel],
        options: ExactOptions,
        history: MomentHistory | None,
        role: str,
        learned: "_Fit | None" = None,
    ) -> None:
        self.problem = problem
        self.options = options
        self.panels = list(panels)
        self.n_channels = panels[0].target.shape[1]
        if learned is None:
            targets = [panel.target for panel in panels]
            dims = [d for d in problem.embedding_dims if d < self.n_channels]
            device = targets[0].device
            self.embedding = correlation_embedding(targets, max(dims, default=0)).to(device)
            self.loadings = factor_loadings(targets, max(problem.n_factors)).to(device)
        else:
            self.embedding, self.loadings = learned.embedding, learned.loadings
        self.bank = MomentBank(
            self.panels,
            self.layout(problem.norms[0], 0),
            int(options.max_memory_gb * 2**30),
            None if history is None else partial(history.products, role),
        )
        self._pieces: tuple[tuple[str, int], Pieces] | None = None
        self._total: tuple[tuple[str, int], Moments] | None = None

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

    def pieces(self, norm: str, n_factors: int) -> Pieces | PiecesSubset:
        """Return the moments of a setting, those of fewer factors taken from those of more."""
        if self._pieces is None or self._pieces[0][0] != norm or self._pieces[0][1] < n_factors:
            most = max(self.problem.n_factors) if n_factors else 0  # all will be asked for
            self._pieces = ((norm, most), self.bank.pieces(self.layout(norm, most)))
        (_, kept), pieces = self._pieces
        if kept == n_factors:
            return pieces
        panel, layout = self.panels[0], pieces.layout
        n_past = 0 if panel.past is None else panel.past.shape[1]
        n_static = 0 if panel.static is None else panel.static.shape[1]
        first = layout.lookback * (1 + n_past)
        lags = layout.factor_lookback
        keep = torch.cat(
            [
                torch.arange(first + n_factors * lags),
                torch.arange(first + kept * lags, first + kept * lags + n_static + 1),
            ]
        )
        return pieces.regressors(keep.to(panel.target.device))

    def total(self, norm: str, n_factors: int) -> ChannelMoments:
        """Return the moments of a setting summed over channels, as those of one."""
        if self._total is None or self._total[0] != (norm, n_factors):
            sums = [moments.total() for _, moments in self.pieces(norm, n_factors)]
            self._total = ((norm, n_factors), sum(sums[1:], start=sums[0]))
        return [(slice(0, 1), self._total[1])]

    def mixing(self, setting: Setting, embedding: Tensor | None = None) -> Tensor:
        """Return the mixing vectors of the channels, (C, M)."""
        like = self.panels[0].target
        if setting.individual:
            return torch.eye(self.n_channels, dtype=like.dtype, device=like.device)
        if embedding is None:
            embedding = self.embedding[:, : setting.embedding_dim]
        return torch.cat([like.new_ones(self.n_channels, 1), embedding], dim=1)

    def regression(
        self, setting: Setting, embedding: Tensor | None = None
    ) -> GeneratedRegression | ChannelRegression:
        """Return the regression of a setting."""
        pieces = self.pieces(setting.norm, setting.n_factors)
        if setting.individual:
            return ChannelRegression(pieces)
        return GeneratedRegression(pieces, self.mixing(setting, embedding))

    def solution(self, setting: Setting, n_steps: int = 0) -> ExactSolution:
        """Solve a setting whose ridge is known, with ``n_steps`` rounds of embedding learning."""
        regression = self.regression(setting)
        weights = regression.solve(setting.ridge * regression.scale)
        for _ in range(n_steps):
            embedding = solve_embedding(regression.moments, weights, regression.mixing)
            regression = self.regression(setting, embedding)
            weights = regression.solve(setting.ridge * regression.scale)
        return self.as_solution(setting, weights, regression.mixing)

    def as_solution(self, setting: Setting, weights: Weights, mixing: Tensor) -> ExactSolution:
        """Return solved weights with what belongs to them."""
        layout = self.layout(setting.norm, setting.n_factors)
        return ExactSolution(
            setting=setting,
            embedding=mixing if setting.individual else mixing[:, 1:],
            loadings=self.loadings[:, : setting.n_factors],
            factor_lookback=layout.factor_lookback,
            mixing=mixing,
            weights=weights,
        )


@dataclass(frozen=True)
class _Entrant:
    setting: Setting
    weights: Weights
    mixing: Tensor
    error: float


class _Race:
    """Compares settings fitted on training panels by their error on validation panels."""

    least_gain = 0.01
    """Part of the error that a richer setting has to save, whatever its significance."""

    flat_gain = 1e-3
    """Part of the error below which another ridge is not worth a solution."""

    n_blocks = 8
    min_channels = 6
    max_windows = 512

    def __init__(
        self,
        problem: Problem,
        training: Sequence[Panel],
        validation: Sequence[Panel],
        options: ExactOptions,
        history: MomentHistory | None,
    ) -> None:
        self.problem = problem
        self.options = options
        self.training = _Fit(problem, training, options, history, "training")
        self.validation = _Fit(problem, validation, options, history, "validation", self.training)
        self.entrants: list[_Entrant] = []
        self.entries: list[RaceEntry] = []
        self._last: tuple[Setting, GeneratedRegression | ChannelRegression] | None = None

    def run(self) -> tuple[_Entrant, int]:
        """Return the winner and the number of rounds of embedding learning that it took."""
        problem = self.problem
        dims, factors = problem.embedding_dims, problem.n_factors
        start = Setting(problem.norms[0], dims[0], self.is_individual(dims[0]), factors[0])
        champion = self.enter(start)
        for norm in problem.norms[1:]:
            champion = self.challenge(champion, replace(start, norm=norm))
        champion = self.climb_dims(champion)
        lowest = min(
            (e for e in self.entrants if e.setting.norm == champion.setting.norm),
            key=lambda entrant: entrant.error,
        )
        for n_factors in factors[1:]:
            # factors may pay only together with an embedding that alone did not
            together = replace(lowest.setting, n_factors=n_factors)
            champion = self.challenge(champion, together, problem.factors_are_asked_for)
        if champion.setting.n_factors > factors[0]:
            champion = self.climb_dims(champion)
        return self.learn_embedding(self.strongest_ridge(champion))

    def is_individual(self, dim: int) -> bool:
        """Say whether an embedding of length ``dim`` leaves nothing shared."""
        return dim == self.training.n_channels

    def climb_dims(self, champion: _Entrant) -> _Entrant:
        """Try longer and longer embeddings, until one is no better than the one before."""
        rising = True
        error = champion.error
        for dim in self.problem.embedding_dims:
            individual = self.is_individual(dim)
            if dim <= champion.setting.embedding_dim or not (rising or individual):
                continue
            setting = replace(champion.setting, embedding_dim=dim, individual=individual)
            champion = self.challenge(champion, setting, self.problem.dims_are_asked_for)
            rising = self.entrants[-1].error < error
            error = self.entrants[-1].error
        return champion

    def enter(self, setting: Setting, ridge: float | None = None) -> _Entrant:
        """Fit a setting and take it into the race."""
        entrant = self.fit(setting, ridge)
        self.entrants.append(entrant)
        self.entries.append(RaceEntry(entrant.setting, entrant.error, chosen=True))
        return entrant

    def challenge(self, champion: _Entrant, setting: Setting, asked_for: bool = False) -> _Entrant:
        """Return the entrant of a richer setting if it wins over the champion."""
        challenger = self.enter(setting, champion.setting.ridge)
        if asked_for:
            wins = challenger.error < champion.error
        else:
            wins = self.gains_clearly(champion, challenger, self.least_gain)
        if wins:
            return challenger
        self.entries[-1] = replace(self.entries[-1], chosen=False)
        return champion

    def fit(self, setting: Setting, start: float | None) -> _Entrant:
        """Fit a setting with the ridge that is best on validation.

        The error has one valley over the ridges: walk down from where the simpler setting ended.
        """
        ridges = self.options.ridges
        regression = self.regression(setting)
        found: dict[int, _Entrant] = {}

        def evaluate(index: int) -> None:
            weights = regression.solve(ridges[index] * regression.scale)
            entered = replace(setting, ridge=ridges[index])
            error = self.error(entered, weights, regression.mixing)
            found[index] = _Entrant(entered, weights, regression.mixing, error)

        def best() -> int:
            return min(found, key=lambda index: found[index].error)

        evaluate(len(ridges) // 2 if start is None else ridges.index(start))
        for step in (1, -1):
            index, falls = best() + step, True
            while falls and 0 <= index < len(ridges) and index not in found:
                before = found[best()].error
                evaluate(index)
                # an error of zero, of constant series, cannot fall
                falls = before - found[index].error > self.flat_gain * before
                index += step
        return found[best()]

    def regression(self, setting: Setting) -> GeneratedRegression | ChannelRegression:
        """Return the regression of a setting; the last one is kept."""
        setting = replace(setting, ridge=math.nan)
        if self._last is None or str(self._last[0]) != str(setting):
            self._last = None  # before another takes memory
            self._last = (setting, self.training.regression(setting))
        return self._last[1]

    def error(self, setting: Setting, weights: Weights, mixing: Tensor) -> float:
        """Return the mean squared error on validation."""
        pieces: ChannelMoments
        if setting.embedding_dim == 0:  # the same weights for all
            pieces, mixing = self.validation.total(setting.norm, setting.n_factors), mixing[:1]
        else:
            pieces = self.validation.pieces(setting.norm, setting.n_factors)
        bank = self.validation.bank
        return squared_error(pieces, weights, mixing) / (
            bank.n_windows * bank.n_channels * self.problem.horizon
        )

    def gains_clearly(self, simple: _Entrant, rich: _Entrant, least: float = 0.0) -> bool:
        """Say whether the richer entrant's gain exceeds its standard error and a least part.

        The error of the gain is taken over consecutive blocks of windows, and over channels;
        exceeding either counts, for with few windows only the channels can tell.
        """
        gain = simple.error - rich.error
        if gain <= least * simple.error:
            return False
        gains = self.window_errors(simple) - self.window_errors(rich)  # (T, C)
        n_blocks = min(self.n_blocks, len(gains) // 2)
        replicates = [torch.stack([b.mean() for b in gains.tensor_split(max(1, n_blocks))])]
        if gains.shape[1] >= self.min_channels:
            replicates.append(gains.mean(dim=0))
        return any(
            len(means) > 1 and gain > means.std().item() / math.sqrt(len(means))
            for means in replicates
        )

    def window_errors(self, entrant: _Entrant) -> Tensor:
        """Return the error of single validation windows, evenly spread in time: (T, C)."""
        weight, future_weight = entrant.weights.of_channels(entrant.mixing)
        return torch.cat(
            [
                (y - predict(x, f, weight, future_weight)).square().mean(dim=2)
                for x, y, f in self.window_samples(entrant.setting)
            ]
        )

    def window_samples(self, setting: Setting) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Return regressors, targets and future covariates of evenly spread windows."""
        layout = self.validation.layout(setting.norm, setting.n_factors)
        panels = self.validation.bank.panels
        floats = self.validation.n_channels * layout.width * 4
        n_windows = min(self.max_windows, max(64, 2**26 // floats))
        stride = max(1, self.validation.bank.n_windows // n_windows)
        return [
            window_regressors(
                panel, layout, starts=torch.arange(0, layout.n_windows(panel), stride)
            )
            for panel in panels
        ]

    def strongest_ridge(self, champion: _Entrant) -> _Entrant:
        """Return the champion with the largest ridge that it does not clearly lose by."""
        ridges = self.options.ridges
        regression = self.regression(champion.setting)
        chosen = champion
        for ridge in ridges[ridges.index(champion.setting.ridge) + 1 :]:
            setting = replace(champion.setting, ridge=ridge)
            weights = regression.solve(ridge * regression.scale)
            error = self.error(setting, weights, regression.mixing)
            stronger = _Entrant(setting, weights, regression.mixing, error)
            if self.gains_clearly(stronger, champion):
                break
            self.entries.append(RaceEntry(setting, error, chosen=True))
            chosen = stronger
        return chosen

    def learn_embedding(self, best: _Entrant) -> tuple[_Entrant, int]:
        """Learn the embedding until validation is best; return how many rounds that took."""
        if best.setting.individual or best.setting.embedding_dim == 0:
            return best, 0
        pieces = self.training.pieces(best.setting.norm, best.setting.n_factors)
        for step in range(self.options.embedding_steps):
            embedding = solve_embedding(pieces, best.weights, best.mixing)
            regression = self.training.regression(best.setting, embedding)
            weights = regression.solve(best.setting.ridge * regression.scale)
            error = self.error(best.setting, weights, regression.mixing)
            if error >= best.error:
                return best, step
            best = _Entrant(best.setting, weights, regression.mixing, error)
        return best, self.options.embedding_steps

    def residual_quantiles(self, entrant: _Entrant) -> Tensor:
        """Return quantiles of the validation residuals of each channel and step, (C, H, P).

        In units of the constant regressor, so that under RevIN they scale with the window.
        """
        weight, future_weight = entrant.weights.of_channels(entrant.mixing)
        residuals = torch.cat(
            [
                (y - predict(x, f, weight, future_weight)) / x[..., -1:]
                for x, y, f in self.window_samples(entrant.setting)
            ]
        )  # (T, C, H)
        levels = torch.tensor(self.problem.quantiles, dtype=residuals.dtype)
        return torch.quantile(residuals, levels.to(residuals.device), dim=0).movedim(0, -1)


def predict(x: Tensor, future: Tensor, weight: Tensor, future_weight: Tensor) -> Tensor:
    """Apply solved weights to regressors (T, n, p) and future covariates (T, n, H, F)."""
    y = torch.bmm(x.transpose(0, 1), weight.mT).transpose(0, 1)  # (T, n, H)
    return y + torch.einsum("tnhf,nf->tnh", future, future_weight)


def solve_embedding(moments: ChannelMoments, weights: Weights, mixing: Tensor) -> Tensor:
    """Solve exactly for every channel's embedding, the mixed weights held fixed.

    A small least-squares problem for each channel: its forecasts are linear in its embedding.

    Returns
    -------
    Tensor, shape (C, E)
    """
    embedding = mixing[:, 1:].clone()
    weight, future = weights.weight, weights.future  # (M, H, p), (M, F)
    for channels, piece in moments:
        seen = torch.einsum("mhp,npq->nmhq", weight, piece.xx)
        square = torch.einsum("nmhq,lhq->nml", seen, weight)
        right = torch.einsum("mhp,nph->nm", weight, piece.xy)
        if future.shape[1]:
            cross = torch.einsum("mhp,nphf,lf->nml", weight, piece.xf, future)
            square = square + cross + cross.mT
            square = square + torch.einsum("mf,nfg,lg->nml", future, piece.ff, future)
            right = right + torch.einsum("mf,nf->nm", future, piece.fy)
        own = square[:, 1:, 1:]
        target = right[:, 1:] - square[:, 1:, 0]
        inverse = torch.linalg.pinv(own, rtol=1e-10, hermitian=True)
        step = torch.einsum("nkl,nl->nk", inverse, target)
        embedding[channels] = step
    return embedding

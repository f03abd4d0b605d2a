"""The race of settings on validation."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from hyperforecast.nn.exact.fit import PanelFit, solve_embedding
from hyperforecast.nn.exact.history import MomentHistory
from hyperforecast.nn.exact.moments import Panel
from hyperforecast.nn.exact.problem import ExactOptions, Problem, RaceEntry, Setting
from hyperforecast.nn.exact.regression import ChannelRegression, GeneratedRegression, Weights
from hyperforecast.nn.exact.windows import WindowRows, window_rows


@dataclass(eq=False)
class Entrant:
    """A setting, solved, and its mean squared error on validation.

    Attributes
    ----------
    setting : Setting
    weights : Weights
    mixing : Tensor, shape (C, M)
    error : float
    window_errors : Tensor, shape (C, T), optional
        Of single validation windows, once they have been asked for.
    """

    setting: Setting
    weights: Weights
    mixing: Tensor
    error: float
    window_errors: Tensor | None = None


class Race:
    """Compares settings fitted on training panels by their error on validation panels."""

    least_gain = 0.01
    """Part of the error that a richer setting has to save, whatever its significance."""

    flat_gain = 1e-4
    """Part of the error below which another ridge is not worth a solution."""

    n_blocks = 8
    min_channels = 6
    max_compared, max_ranked = 2**22, 2**24
    """Numbers of values in the windows from which standard errors and quantiles are taken."""

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
        self.training = PanelFit(problem, training, options, history, "training")
        self.validation = PanelFit(
            problem, validation, options, history, "validation", self.training
        )
        self.entries: list[RaceEntry] = []
        self._solved: dict[Setting, dict[int, Entrant]] = {}
        self._walked: set[Setting] = set()
        self._regression: tuple[Setting, GeneratedRegression | ChannelRegression] | None = None
        self._rows: tuple[tuple[str, int, int], list[WindowRows]] | None = None

    def run(self) -> tuple[Entrant, int]:
        """Return the winner and the number of rounds of embedding learning that it took."""
        problem = self.problem
        dims, factors = problem.embedding_dims, problem.n_factors
        start = Setting(problem.norms[0], dims[0], self.is_individual(dims[0]), factors[0])
        champion = self.best_ridge(start, len(self.options.ridges) // 2)
        self.enter(champion, chosen=True)
        for norm in problem.norms[1:]:
            champion = self.challenge(champion, replace(start, norm=norm))
        champion = self.climb_dims(champion)
        # factors may pay only together with an embedding that alone did not
        norm = champion.setting.norm
        tried = [entry for entry in self.entries if entry.setting.norm == norm]
        lowest = min(tried, key=lambda entry: entry.validation_mse).setting
        for n_factors in factors[1:]:
            together = replace(lowest, n_factors=n_factors)
            champion = self.challenge(champion, together, problem.factors_are_asked_for)
            if champion.setting.n_factors != n_factors:
                break
        if champion.setting.n_factors > factors[0]:
            champion = self.climb_dims(champion)
        return self.learn_embedding(self.settle(champion))

    def is_individual(self, dim: int) -> bool:
        """Say whether an embedding of length ``dim`` leaves nothing shared."""
        return dim == self.training.n_channels

    def climb_dims(self, champion: Entrant) -> Entrant:
        """Try longer and longer embeddings, until one is no better than the one before."""
        rising = True
        error = champion.error
        for dim in self.problem.embedding_dims:
            individual = self.is_individual(dim)
            if dim <= champion.setting.embedding_dim or not (rising or individual):
                continue
            setting = replace(champion.setting, embedding_dim=dim, individual=individual)
            champion = self.challenge(champion, setting, self.problem.dims_are_asked_for)
            rising = self.entries[-1].validation_mse < error
            error = self.entries[-1].validation_mse
        return champion

    def challenge(self, champion: Entrant, setting: Setting, asked_for: bool = False) -> Entrant:
        """Return the entrant of a richer setting if it wins over the champion.

        The two are compared with the champion's ridge, and each with its best ridge where the
        challenger does not win by that.
        """
        index = self.options.ridges.index(champion.setting.ridge)
        challenger = self.solve(setting, index)
        won = self.wins(champion, challenger, asked_for)
        if not won:
            goal = champion.error * (1.0 if asked_for else 1.0 - self.least_gain)
            challenger = self.best_ridge(setting, index, goal)
            won = self.wins(champion, challenger, asked_for)
            if won:
                champion = self.best_ridge(champion.setting, index)
                won = self.wins(champion, challenger, asked_for)
        self.enter(challenger, won)
        # no longer needed
        self._solved.pop(replace((champion if won else challenger).setting, ridge=0.0))
        return challenger if won else champion

    def wins(self, champion: Entrant, challenger: Entrant, asked_for: bool) -> bool:
        """Say whether a richer entrant takes the champion's place."""
        if asked_for:
            return challenger.error < champion.error
        return self.gains_clearly(champion, challenger, self.least_gain)

    def enter(self, entrant: Entrant, chosen: bool) -> None:
        """Write an entrant into the report."""
        self.entries.append(RaceEntry(entrant.setting, entrant.error, chosen))

    def settle(self, champion: Entrant) -> Entrant:
        """Return the champion with the largest ridge that loses neither clearly nor much."""
        index = self.options.ridges.index(champion.setting.ridge)
        best = chosen = self.best_ridge(champion.setting, index)
        if best.setting not in (entry.setting for entry in self.entries):
            self.enter(best, chosen=True)
        index = self.options.ridges.index(best.setting.ridge)
        for stronger_index in range(index + 1, len(self.options.ridges)):
            stronger = self.solve(best.setting, stronger_index)
            loses_much = stronger.error > best.error * (1 + self.least_gain)
            if loses_much or self.gains_clearly(stronger, best):
                break
            self.enter(stronger, chosen=True)
            chosen = stronger
        return chosen

    def best_ridge(self, setting: Setting, start: int, goal: float | None = None) -> Entrant:
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
        self.solve(setting, start)
        setting = replace(setting, ridge=0.0)
        solved = self._solved[setting]

        def best() -> int:
            return min(solved, key=lambda index: solved[index].error)

        if setting in self._walked:
            return solved[best()]
        if goal is None:
            self._walked.add(setting)
        for step in (1, -1):
            index, falls = best() + step, True
            fall, least = -math.inf, 0.0
            while falls and 0 <= index < len(self.options.ridges) and index not in solved:
                before = solved[best()].error
                missing = 0.0 if goal is None else before - goal
                least = max(self.flat_gain * before, missing / 4)
                fall = before - self.solve(setting, index).error
                falls = fall > least  # an error of zero, of constant series, cannot fall
                index += step
            if -fall <= least:
                break  # a valley falls no more on one side than it rises on the other
        return solved[best()]

    def solve(self, setting: Setting, index: int) -> Entrant:
        """Return a setting with a ridge, by its number."""
        solved = self._solved.setdefault(replace(setting, ridge=0.0), {})
        if index not in solved:
            ridge = self.options.ridges[index]
            setting = replace(setting, ridge=ridge)
            regression = self.regression(setting)
            weights = regression.solve(ridge * regression.scale)
            error = self.validation.error(setting, weights)
            solved[index] = Entrant(setting, weights, regression.mixing, error)
        return solved[index]

    def regression(self, setting: Setting) -> GeneratedRegression | ChannelRegression:
        """Return the regression of a setting; the last one is kept."""
        setting = replace(setting, ridge=0.0)
        if self._regression is None or self._regression[0] != setting:
            self._regression = None  # before another takes memory
            self._regression = (setting, self.training.regression(setting))
        return self._regression[1]

    def gains_clearly(self, simple: Entrant, rich: Entrant, least: float = 0.0) -> bool:
        """Say whether the richer entrant's gain exceeds its standard error and a least part.

        The error of the gain is taken over consecutive blocks of windows, and over channels;
        exceeding either counts, for with few windows only the channels can tell. Blocks are no
        shorter than the horizon where that leaves two, so that few targets are in several.
        """
        if simple.error - rich.error <= least * simple.error:
            return False
        gains = self.window_errors(simple) - self.window_errors(rich)  # (C, T), of some windows
        n_apart = max(2, self.validation.bank.n_windows // self.problem.horizon)
        n_blocks = max(1, min(self.n_blocks, n_apart, gains.shape[1] // 2))
        replicates = [torch.stack([b.mean() for b in gains.tensor_split(n_blocks, dim=1)])]
        if len(gains) >= self.min_channels:
            replicates.append(gains.mean(dim=1))
        gain = gains.mean().item()
        return any(
            len(means) > 1 and gain > means.std().item() / math.sqrt(len(means))
            for means in replicates
        )

    def window_errors(self, entrant: Entrant) -> Tensor:
        """Return the error of single validation windows, evenly spread in time: (C, T)."""
        if entrant.window_errors is None:
            weights = entrant.weights.of_channels(entrant.mixing)
            rows = self.window_rows(entrant.setting, self.max_compared)
            errors = [some.residuals(*weights).square().mean(dim=2) for some in rows]
            entrant.window_errors = torch.cat(errors, dim=1)
        return entrant.window_errors

    def window_rows(self, setting: Setting, max_values: int) -> list[WindowRows]:
        """Return evenly spread validation windows of each series; the last ones are kept.

        As many as hold ``max_values``, but at least 64 and at most 512.
        """
        what = (setting.norm, setting.n_factors, max_values)
        if self._rows is None or self._rows[0] != what:
            layout = self.validation.layout(setting.norm, setting.n_factors)
            bank = self.validation.bank
            n_windows = min(512, max(64, max_values // (bank.n_channels * layout.width)))
            stride = -(-bank.n_windows // n_windows)
            rows = [
                window_rows(panel, layout, torch.arange(0, layout.n_windows(panel), stride))
                for panel in bank.panels
            ]
            self._rows = (what, rows)
        return self._rows[1]

    def learn_embedding(self, best: Entrant) -> tuple[Entrant, int]:
        """Learn the embedding until validation is best; return how many rounds that took."""
        setting = best.setting
        if setting.individual or setting.embedding_dim == 0:
            return best, 0
        for step in range(self.options.embedding_steps):
            pieces = self.training.pieces(setting.norm, setting.n_factors)
            embedding = solve_embedding(pieces, best.weights, best.mixing)
            regression = self.training.regression(setting, embedding)
            weights = regression.solve(setting.ridge * regression.scale)
            error = self.validation.error(setting, weights, embedding)
            if error >= best.error:
                return best, step
            best = Entrant(setting, weights, regression.mixing, error)
        return best, self.options.embedding_steps

    def residual_quantiles(self, entrant: Entrant) -> Tensor:
        """Return quantiles of the validation residuals of each channel and step, (C, H, P).

        In units of the constant regressor, so that under RevIN they scale with the window.
        """
        weights = entrant.weights.of_channels(entrant.mixing)
        rows = self.window_rows(entrant.setting, self.max_ranked)
        residuals = torch.cat([some.residuals(*weights) / some.deviation for some in rows], dim=1)
        levels = torch.tensor(self.problem.quantiles).to(residuals)
        return torch.quantile(residuals, levels, dim=1).movedim(0, -1)  # of (C, T, H)

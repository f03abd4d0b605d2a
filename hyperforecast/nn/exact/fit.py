"""Solutions of one set of panels, for one setting after another."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from hyperforecast.nn.correlation import correlation_embedding
from hyperforecast.nn.exact.bank import MomentBank, Pieces
from hyperforecast.nn.exact.history import MomentHistory
from hyperforecast.nn.exact.moments import Moments, Panel, WindowLayout
from hyperforecast.nn.exact.problem import ExactOptions, ExactSolution, Problem, Setting
from hyperforecast.nn.exact.regression import (
    ChannelMoments,
    ChannelRegression,
    GeneratedRegression,
    Weights,
    is_direct,
    pair_weights,
    pairs_squared_error,
    squared_error,
)
from hyperforecast.nn.factors import factor_loadings


class PanelFit:
    """Solutions of one set of panels, for one setting after another.

    Parameters
    ----------
    problem : Problem
    panels : sequence of Panel
    options : ExactOptions
    history : MomentHistory, optional
        Of earlier fits on overlapping windows, to be carried on.
    role : str
        What the panels are for, in the history.
    learned : PanelFit, optional
        Where embedding and factors come from; made from the panels themselves if not given.
    """

    def __init__(
        self,
        problem: Problem,
        panels: Sequence[Panel],
        options: ExactOptions,
        history: MomentHistory | None,
        role: str,
        learned: "PanelFit | None" = None,
    ) -> None:
        self.problem = problem
        self.options = options
        self.panels = list(panels)
        self.n_channels = panels[0].target.shape[1]
        if learned is None:
            targets = [panel.target for panel in panels]
            dims = [d for d in problem.embedding_dims if d < self.n_channels]
            device = targets[0].device
            components = correlation_embedding(targets, max([*dims, *problem.n_factors]))
            self.embedding = components[:, : max(dims, default=0)].to(device)
            self.loadings = factor_loadings(targets, max(problem.n_factors), components).to(device)
        else:
            self.embedding, self.loadings = learned.embedding, learned.loadings
        longest = Setting(problem.norms[0], self._longest_direct(), False, 0)
        self.bank = MomentBank(
            self.panels,
            self.layout(problem.norms[0], 0),
            int(options.max_memory_gb * 2**30),
            weights=pair_weights(self.mixing(longest)),
            by_channel=self.n_channels in problem.embedding_dims,
            own_products=None if history is None else partial(history.products, role),
        )
        self._pieces: tuple[tuple[str, int], Pieces] | None = None
        self._pairs: tuple[tuple[str, int], Moments] | None = None

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

    def pieces(self, norm: str, n_factors: int) -> Pieces:
        """Return the moments of the channels under a setting."""
        if self._pieces is None or self._pieces[0] != (norm, n_factors):
            self._pieces = ((norm, n_factors), self.bank.pieces(self.layout(norm, n_factors)))
        return self._pieces[1]

    def pairs(self, setting: Setting) -> Moments | None:
        """Return the sums of a setting's moments by pairs of mixing weights, if they suffice."""
        n_mixed = 1 + setting.embedding_dim
        count = n_mixed * (n_mixed + 1) // 2
        layout = self.layout(setting.norm, setting.n_factors)
        if setting.individual or not is_direct(n_mixed * self.n_regressors(layout)):
            return None
        where = (setting.norm, setting.n_factors)
        if self._pairs is None or self._pairs[0] != where or len(self._pairs[1].yy) < count:
            self._pairs = None  # before others take memory
            self._pairs = (where, self.bank.mixed(layout, count))
        return self._pairs[1].channels(slice(count))

    def n_regressors(self, layout: WindowLayout) -> int:
        """Return the number of regressors of a channel."""
        panel = self.panels[0]
        n_past = 0 if panel.past is None else panel.past.shape[1]
        n_static = 0 if panel.static is None else panel.static.shape[1]
        n_own_and_past = layout.lookback * (1 + n_past)
        return n_own_and_past + layout.factor_lookback * layout.n_factors + n_static + 1

    def _longest_direct(self) -> int:
        """Return the longest embedding whose equations are factorised."""
        n_regressors = self.n_regressors(self.layout(self.problem.norms[0], 0))
        dims = [d for d in self.problem.embedding_dims if d < self.n_channels]
        return max((d for d in dims if is_direct((1 + d) * n_regressors)), default=0)

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
        """Return the regression of a setting, for its own embedding or a given one."""
        pieces = self.pieces(setting.norm, setting.n_factors)
        if setting.individual:
            return ChannelRegression(pieces)
        pairs = self.pairs(setting) if embedding is None else None
        return GeneratedRegression(pieces, self.mixing(setting, embedding), pairs)

    def error(self, setting: Setting, weights: Weights, embedding: Tensor | None = None) -> float:
        """Return the mean squared error of solved weights, for a setting's embedding or another."""
        pairs = self.pairs(setting) if embedding is None else None
        if pairs is not None:
            error = pairs_squared_error(pairs, weights)
        else:
            pieces = self.pieces(setting.norm, setting.n_factors)
            error = squared_error(pieces, weights, self.mixing(setting, embedding))
        return error / (self.bank.n_windows * self.n_channels * self.problem.horizon)

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

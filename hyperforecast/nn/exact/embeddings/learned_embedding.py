"""Channel embeddings solved for, given the weights that are generated from them."""

from collections.abc import Callable

import torch
from torch import Tensor

from hyperforecast.nn.exact.linear_algebra import pseudo_solve
from hyperforecast.nn.exact.moments.moments import ChannelMoments
from hyperforecast.nn.exact.regressions.regression import Regression
from hyperforecast.nn.exact.regressions.weights import BasisWeights


class LearnedRegression:
    """Weights and embedding solved for in turn, both exactly.

    Parameters
    ----------
    moments : iterable of (slice, Moments)
        Of all channels.
    regression_of : callable
        Gives the regression with an embedding (C, E), or with ``None`` that which it starts from.
    n_rounds : int
        Number of times that the embedding is solved for.
    """

    def __init__(
        self,
        moments: ChannelMoments,
        regression_of: Callable[[Tensor | None], Regression],
        n_rounds: int,
    ) -> None:
        self._moments = moments
        self._regression_of = regression_of
        self._n_rounds = n_rounds
        self._start = self._last = regression_of(None)

    @property
    def mixing(self) -> Tensor:
        """Mixing vectors of the channels that the last solution is for, (C, M)."""
        return self._last.mixing

    def solve(self, ridge: float) -> BasisWeights:
        """Solve for one ridge λ > 0, the same in every round."""
        self._last = self._start
        weights = self._last.solve(ridge)
        for _ in range(self._n_rounds):
            embedding = learn_embedding(self._moments, weights, self._last.mixing)
            self._last = self._regression_of(embedding)
            weights = self._last.solve(ridge)
        return weights


def learn_embedding(moments: ChannelMoments, weights: BasisWeights, mixing: Tensor) -> Tensor:
    """Return the next embedding: that solved for, its columns as long as they were, (C, E).

    Without this an embedding would grow and its basis weights shrink from round to round, until
    the ridge, whose units follow the embedding, penalises nothing.
    """
    solved = solve_embedding(moments, weights, mixing)
    length = solved.norm(dim=0)
    return solved * (mixing[:, 1:].norm(dim=0) / torch.where(length > 0, length, 1.0))


def solve_embedding(moments: ChannelMoments, weights: BasisWeights, mixing: Tensor) -> Tensor:
    """Solve exactly for every channel's embedding, the basis weights held fixed.

    A small least-squares problem for each channel: its forecasts are linear in its embedding.

    Returns
    -------
    Tensor, shape (C, E)
    """
    embedding = mixing[:, 1:].clone()
    weight, future = weights.weight, weights.future  # (M, H, p), (M, F)
    for channels, chunk in moments:
        seen = torch.einsum("mhp,npq->nmhq", weight, chunk.xx)
        square = torch.einsum("nmhq,lhq->nml", seen, weight)
        right = torch.einsum("mhp,nph->nm", weight, chunk.xy)
        if future.shape[1]:
            cross = torch.einsum("mhp,nphf,lf->nml", weight, chunk.xf, future)
            square = square + cross + cross.mT
            square = square + torch.einsum("mf,nfg,lg->nml", future, chunk.ff, future)
            right = right + torch.einsum("mf,nf->nm", future, chunk.fy)
        own = square[:, 1:, 1:]
        target = right[:, 1:] - square[:, 1:, 0]
        embedding[channels] = pseudo_solve(own, target)
    return embedding

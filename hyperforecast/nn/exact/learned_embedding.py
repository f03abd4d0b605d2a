"""Channel embeddings solved for, given the weights that are generated from them."""

import torch
from torch import Tensor

from hyperforecast.nn.exact.linear_algebra import pseudo_solve
from hyperforecast.nn.exact.moments import ChannelMoments
from hyperforecast.nn.exact.weights import BasisWeights


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

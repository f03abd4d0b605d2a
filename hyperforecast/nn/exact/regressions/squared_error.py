"""Squared error of solved weights: a quadratic form in moments, no pass over the data."""

import torch
from torch import Tensor

from hyperforecast.nn.exact.moments.moments import ChannelMoments, Moments
from hyperforecast.nn.exact.moments.pairs import pair_numbers
from hyperforecast.nn.exact.regressions.weights import BasisWeights


def squared_error(moments: ChannelMoments, weights: BasisWeights, mixing: Tensor) -> float:
    """Return the squared error of solved weights, summed over windows, steps and channels."""
    return sum(
        chunk.squared_error(*weights.of_channels(mixing[channels])).sum().item()
        for channels, chunk in moments
    )


def pairs_squared_error(pairs: Moments, weights: BasisWeights) -> float:
    """Return the same as :func:`squared_error` from sums over channels by :func:`pair_weights`."""
    weight, future = weights.weight, weights.future  # (M, H, p), (M, F)
    larger, smaller = torch.tril_indices(len(weight), len(weight)).to(weight.device)
    pairs = pairs.channels(slice(len(larger)))
    times = torch.where(smaller == larger, 1.0, 2.0).to(weight)  # a pair stands for both orders
    single = pair_numbers(len(weight))[0].to(weight.device)

    fitted = torch.bmm(weight[smaller], pairs.xx)
    error = pairs.yy[0] + (fitted * weight[larger]).sum(dim=(1, 2)) @ times
    error = error - 2 * (pairs.xy[single] * weight.mT).sum()
    if future.shape[1]:
        for one, two in ((smaller, larger), (larger, smaller)):
            error = error + times @ torch.einsum(
                "mhp,mphf,mf->m", weight[one], pairs.xf, future[two]
            )
        error = error + times @ torch.einsum(
            "mf,mfg,mg->m", future[smaller], pairs.ff, future[larger]
        )
        error = error - 2 * (pairs.fy[single] * future).sum()
    return error.item()

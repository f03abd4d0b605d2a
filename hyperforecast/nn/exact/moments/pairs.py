r"""Pairs of basis weights.

With weights :math:`W_n = \sum_k u_{nk} W_k` all that a regression, and its squared error, need of
the channels' moments are their sums weighted by :math:`u_{nk} u_{nl}`, one for every pair k <= l.
"""

import torch
from torch import Tensor


def pair_numbers(n_bases: int) -> Tensor:
    """Number the pairs of basis weights, those of fewer weights first: (M, M), symmetric."""
    k = torch.arange(n_bases)
    smaller, larger = torch.minimum(k[:, None], k), torch.maximum(k[:, None], k)
    return larger * (larger + 1) // 2 + smaller


def pair_weights(mixing: Tensor) -> Tensor:
    r"""Return :math:`u_{nk} u_{nl}` for every pair k <= l: (C, M) -> (C, M (M + 1) / 2).

    Sums over channels with these weights are all that a regression needs of the moments if the
    first of its mixing weights is one.
    """
    larger, smaller = torch.tril_indices(mixing.shape[1], mixing.shape[1])
    return mixing[:, smaller] * mixing[:, larger]

"""A vector autoregression by ridge: the simplest competitor where channels follow each other."""

from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.protocol import Dataset, Part, windows

LAGS = (1, 2, 4, 8)
"""Numbers of last values of all channels that are compared."""

RIDGES = tuple(10 ** (exponent / 2) for exponent in range(-10, 5))
"""In units of the mean square of the regressors."""

MAX_REGRESSORS = 2000
"""Number of lags times channels beyond which no more lags are compared."""


class Autoregression(NamedTuple):
    """What was chosen on the validation part, and its error on the test part."""

    mse: float
    n_lags: int
    ridge: float


def autoregression(dataset: Dataset, horizon: int) -> Autoregression:
    """Regress every step of the horizon on the last values of all channels.

    Lags and ridge are chosen on the validation part.
    """
    tried = []
    for n_lags in LAGS:
        if n_lags > 1 and n_lags * len(dataset.channels) > MAX_REGRESSORS:
            break
        x, y = _rows(dataset, "train", n_lags, horizon)
        mean_x, mean_y = x.mean(dim=0), y.mean(dim=0)
        square = (x - mean_x).T @ (x - mean_x)
        values, vectors = torch.linalg.eigh(square)
        cross = vectors.T @ ((x - mean_x).T @ (y - mean_y))
        unit = values.mean()
        held_out, target = _rows(dataset, "validation", n_lags, horizon)
        projected = (held_out - mean_x) @ vectors
        for ridge in RIDGES:
            answer = cross / (values.clamp(min=0) + ridge * unit)[:, None]
            error = (target - mean_y - projected @ answer).square().mean().item()
            tried.append((error, n_lags, ridge, vectors @ answer, mean_x, mean_y))
    _, n_lags, ridge, weight, mean_x, mean_y = min(tried, key=lambda one: one[0])
    x, y = _rows(dataset, "test", n_lags, horizon)
    return Autoregression(
        (y - mean_y - (x - mean_x) @ weight).square().mean().item(), n_lags, ridge
    )


def _rows(dataset: Dataset, part: Part, n_lags: int, horizon: int) -> tuple[Tensor, Tensor]:
    """Return the last values of all channels (T, lags·C) and what follows (T, H·C)."""
    lookback = 0 if part == "train" else n_lags
    both = windows(dataset.rows(part, lookback), n_lags + horizon).double()
    past, future = both.split([n_lags, horizon], dim=1)
    return past.flatten(1), future.flatten(1)

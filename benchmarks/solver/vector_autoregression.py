"""A vector autoregression by ridge: the simplest competitor where channels follow each other."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.protocol import Dataset, Part

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


class Regression(NamedTuple):
    """Every step of the horizon from the last values of all channels.

    Attributes
    ----------
    weight : Tensor, shape (H, C, lags·C)
    bias : Tensor, shape (H, C)
    """

    weight: Tensor
    bias: Tensor


def autoregression(dataset: Dataset, horizon: int) -> Autoregression:
    """Regress every step of the horizon on the last values of all channels.

    Lags and ridge are chosen on the validation part.
    """
    n_lags, ridge = chosen(dataset, horizon)
    (error,) = _errors(dataset, "test", n_lags, horizon, (ridge,))
    return Autoregression(error, n_lags, ridge)


def chosen(dataset: Dataset, horizon: int) -> tuple[int, float]:
    """Return the number of lags and the ridge of least error on the validation part."""
    tried = {}
    for n_lags in LAGS:
        if n_lags > 1 and n_lags * len(dataset.channels) > MAX_REGRESSORS:
            break
        held_out = _errors(dataset, "validation", n_lags, horizon, RIDGES)
        tried |= {(n_lags, ridge): error for ridge, error in zip(RIDGES, held_out, strict=True)}
    return min(tried, key=lambda one: tried[one])


def regression(dataset: Dataset, horizon: int, n_lags: int, ridge: float) -> Regression:
    """Return the regression on the training part."""
    x, y = _rows(dataset, "train", n_lags, horizon)
    mean_x, mean_y = x.mean(dim=0), y.mean(dim=0)
    x = x - mean_x
    gram = x.T @ x
    gram.diagonal().add_(ridge * gram.diagonal().mean())
    cross = torch.stack([x.T @ y[:, step] for step in range(horizon)])  # the mean drops out
    weight = torch.linalg.solve(gram, cross).mT
    return Regression(weight, mean_y - weight @ mean_x)


def _errors(
    dataset: Dataset, part: Part, n_lags: int, horizon: int, ridges: Sequence[float]
) -> list[float]:
    """Return the mean squared errors on a part, for every ridge."""
    x, y = _rows(dataset, "train", n_lags, horizon)
    x_new, y_new = _rows(dataset, part, n_lags, horizon)
    mean = x.mean(dim=0)
    x, x_new = x - mean, x_new - mean
    values, vectors = torch.linalg.eigh(x.T @ x)
    values = values.clamp(min=0)
    unit, projected = values.mean(), x_new @ vectors
    square = projected.T @ projected
    totals = [0.0] * len(ridges)
    for step in range(horizon):  # all at once would not fit in memory
        mean_y = y[:, step].mean(dim=0)
        cross = vectors.T @ (x.T @ (y[:, step] - mean_y))
        left = y_new[:, step] - mean_y
        product, squares = projected.T @ left, left.square().sum()
        for number, ridge in enumerate(ridges):
            answer = cross / (values + ridge * unit)[:, None]
            error = squares + (answer * (square @ answer - 2 * product)).sum()
            totals[number] += error.item()
    return [total / horizon / y_new[:, 0].numel() for total in totals]


def _rows(dataset: Dataset, part: Part, n_lags: int, horizon: int) -> tuple[Tensor, Tensor]:
    """Return the last values of all channels (T, lags·C) and what follows, a view (T, H, C)."""
    lookback = 0 if part == "train" else n_lags
    rows = torch.from_numpy(dataset.rows(part, lookback)).double()
    both = rows.unfold(0, n_lags + horizon, 1).transpose(1, 2)
    past, future = both.split([n_lags, horizon], dim=1)
    return past.flatten(1), future

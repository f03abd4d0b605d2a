"""Fitted values: one-step forecasts of the rows seen, each from the rows before it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hyperforecast.sktime import likelihoods
from hyperforecast.sktime.conversion import DartsInput, as_arguments, first_number, to_darts
from hyperforecast.sktime.instances import Instance, Key, covering
from hyperforecast.sktime.trained import Trained


def fitted_values(
    trained: Trained,
    seen: Mapping[Key, Instance],
    first: Mapping[Key, int],
    alphas: Sequence[float] | None = None,
    *,
    pads: bool = True,
    seed: int = 0,
) -> list[np.ndarray]:
    """Forecast every row by one step from the L rows before it.

    Parameters
    ----------
    trained : Trained
    seen : mapping of Instance
        All rows up to now, columns in the order of the weights, and what is known of X there.
    first : mapping of int
        Number of the first row that is wanted of each instance; those before number 0 are NaN.
    alphas : sequence of float, optional
        Quantiles; point forecasts if not given.
    pads : bool, default=True
        Whether rows with fewer than L rows before them are forecast from these, with the first one
        repeated before them, and the first row from the mean of all; else they are NaN.
    seed : int, default=0
        Of samples, where they are drawn.

    Returns
    -------
    list of array, shape (T - first, C, A)
        In the order of ``seen``, in units of y; A is 1 for point forecasts.
    """
    lookback, names = trained.lookback, trained.model.channel_names
    inputs: list[DartsInput] = []
    places: list[tuple[int, slice]] = []  # of the rows that an input forecasts
    scales, values = [], []
    for number, (key, instance) in enumerate(seen.items()):
        y, index = instance.y.to_numpy(dtype=float), instance.y.index
        X = None
        if trained.covariates:
            X = covering(instance.X, index, trained.covariates, key).to_numpy(float)
        scale = trained.scales(key, y)
        scales.append(scale[0])
        shape = (len(y) - first[key], y.shape[1], 1 if alphas is None else len(alphas))
        values.append(np.full(shape, np.nan))
        wanted = max(first[key], 0 if pads else lookback)
        if wanted == 0:  # the mean stands before the first row
            window = np.concatenate([_mean(y).repeat(lookback, 0), y[:1]])
            known = None if X is None else _from(X[: trained.horizon], -lookback)
            begin = first_number(trained, index, -lookback)
            inputs.append(
                to_darts(trained, key, scale, window, known, names, trained.horizon, begin)
            )
            places.append((number, slice(-first[key], 1 - first[key])))
        wanted = max(wanted, 1)
        if wanted < len(y):
            rows, known = (
                None if table is None else _from(table, wanted - lookback) for table in (y, X)
            )
            assert rows is not None
            begin = first_number(trained, index, wanted - lookback)
            inputs.append(to_darts(trained, key, scale, rows, known, names, trained.horizon, begin))
            places.append((number, slice(wanted - first[key], len(y) - first[key])))
    for (number, rows_of), one in zip(
        places, _one_step(trained, inputs, alphas, seed), strict=True
    ):
        values[number][rows_of] = one
    return [scale.restore(one) for scale, one in zip(scales, values, strict=True)]


def _mean(rows: np.ndarray) -> np.ndarray:
    """Return the mean of the rows (T, C) that are there, (1, C); NaN of none."""
    there = ~np.isnan(rows)
    if there.all():
        return rows.mean(axis=0, keepdims=True)
    total = np.where(there, rows, 0.0).sum(axis=0, keepdims=True)
    count = there.sum(axis=0, keepdims=True)
    return np.where(count, total / np.maximum(count, 1), np.nan)


def _from(rows: np.ndarray, first: int) -> np.ndarray:
    """Return the rows (T, K) from a number on; before number 0 the first one is repeated."""
    return np.pad(rows[max(first, 0) :], ((max(-first, 0), 0), (0, 0)), mode="edge")


def _one_step(
    trained: Trained, inputs: list[DartsInput], alphas: Sequence[float] | None, seed: int
) -> list[np.ndarray]:
    """Return the forecasts (T - L, C, A) of all rows of each input that have L rows before them."""
    if not inputs:
        return []
    likelihood = trained.model.likelihood
    if likelihood is not None and alphas is not None:
        likelihoods.check_levels(likelihood, alphas)
    forecasts: Any = trained.model.historical_forecasts(
        forecast_horizon=1,
        retrain=False,
        verbose=False,
        show_warnings=False,
        predict_likelihood_parameters=likelihood is not None,
        **as_arguments(inputs),
    )
    values = [one.all_values(copy=False).astype(float) for one in forecasts]
    if likelihood is None:
        return values
    shape = (-1, len(trained.channels), likelihood.num_parameters)
    return [
        likelihoods.of_parameters(likelihood, one.reshape(shape), alphas, seed) for one in values
    ]

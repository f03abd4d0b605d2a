"""Forecasting with a trained model, and what stands against a forecast."""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hyperforecast.sktime import likelihoods
from hyperforecast.sktime.conversion import as_arguments, first_number, to_darts
from hyperforecast.sktime.instances import Instance, Key, check_values, covering, mismatch, split
from hyperforecast.sktime.options import ShortInstances
from hyperforecast.sktime.timeline import following
from hyperforecast.sktime.trained import Trained


def forecast(
    trained: Trained,
    context: Mapping[Key, Instance],
    reach: Mapping[Key, int],
    freq: Any,
    alphas: Sequence[float] | None = None,
    seed: int = 0,
) -> list[np.ndarray]:
    """Forecast every instance, by as many steps as the one with the longest reach.

    Parameters
    ----------
    trained : Trained
    context : mapping of Instance
        Rows to forecast from, the last ones seen, and what is known of X. Before those of an
        instance with fewer than a window takes, its first row is repeated.
    reach : mapping of int
        Steps that are wanted of each instance; what is forecast beyond means nothing.
    freq : offset or int
        Step of the time index.
    alphas : sequence of float, optional
        Quantiles; point forecasts if not given.
    seed : int, default=0
        Of samples, where they are drawn.

    Returns
    -------
    list of array, shape (n, C, A)
        In the order of ``context``, in units of y, for the longest reach n or somewhat more; A is 1
        for point forecasts.
    """
    names = trained.model.channel_names
    n = max(reach.values())
    if n > trained.horizon:
        # in whole rounds: Darts begins the last one sooner, by which a step would depend on n
        n = trained.horizon * math.ceil(n / trained.horizon)
    inputs, y_scales = [], []
    for key, instance in context.items():
        scales = trained.scales(key, instance.y.to_numpy(dtype=float))
        y = instance.y.iloc[-trained.lookback :]
        n_ahead = max(n, trained.horizon)
        X = _covariate_values(trained, instance, y.index, (reach[key], n_ahead), freq, key)
        missing = trained.lookback - len(y)
        values = _padded(y.to_numpy(dtype=float), missing)
        X = None if X is None else _padded(X, missing)
        first = first_number(trained, y.index, -missing)
        inputs.append(to_darts(trained, key, scales, values, X, names, n_ahead, first))
        y_scales.append(scales[0])
    arguments: dict[str, Any] = {**as_arguments(inputs), "random_state": seed}
    likelihood = trained.model.likelihood
    if likelihood is None:
        forecasts = _predict(trained, n, **arguments)
    else:
        if alphas is not None:
            likelihoods.check_levels(likelihood, alphas)
        n_direct = min(n, trained.horizon)
        shape = (n_direct, len(trained.channels), -1)
        forecasts = []
        for parameters in _predict(
            trained, n_direct, predict_likelihood_parameters=True, **arguments
        ):
            parameters = parameters.reshape(shape)  # (n, C·P, 1) -> (n, C, P)
            forecasts.append(likelihoods.of_parameters(likelihood, parameters, alphas, seed))
        if n > n_direct:
            # beyond the horizon: sample paths, each fed by its own past
            paths = _predict(trained, n, num_samples=likelihoods.N_SAMPLES, **arguments)
            for i, samples in enumerate(paths):
                beyond = samples[n_direct:]  # (n - H, C, S)
                forecasts[i] = np.concatenate(
                    [
                        forecasts[i],
                        likelihoods.sample_point(likelihood, beyond)
                        if alphas is None
                        else likelihoods.sample_quantiles(beyond, alphas),
                    ]
                )
    return [scale.restore(values) for scale, values in zip(y_scales, forecasts, strict=True)]


def _padded(values: np.ndarray, n_missing: int) -> np.ndarray:
    """Repeat the first of the rows (T, K) before them, where a window takes more."""
    return np.pad(values, ((n_missing, 0), (0, 0)), mode="edge")


def _predict(trained: Trained, n: int, **arguments: Any) -> list[np.ndarray]:
    model = trained.model
    # the trainer of the forecast before, if any: to set one up costs more than to forecast
    forecasts = model.predict(
        n, trainer=model.trainer, verbose=False, show_warnings=False, **arguments
    )
    return [one.all_values(copy=False).astype(float) for one in forecasts]


def _covariate_values(
    trained: Trained,
    instance: Instance,
    index: pd.Index,
    n_ahead: tuple[int, int],
    freq: Any,
    key: Key,
) -> np.ndarray | None:
    """Return X over the lookback and the steps on, past columns only over the lookback.

    Of the steps ahead the first number must be known, and up to the second are taken as far as
    they are: a backbone that reads covariates itself sees those of later steps, too.
    """
    if not trained.covariates:
        return None
    needed, at_most = n_ahead
    ahead = following(instance.last, at_most, freq)
    known = ahead[needed:].isin(instance.X.index) if instance.X is not None else np.zeros(0, bool)
    ahead = ahead[: needed + int(known.cumprod().sum())]
    over = index.append(ahead) if trained.future else index
    future = covering(instance.X, over, trained.future, key)
    past = covering(instance.X, index, trained.past, key)
    return future.join(past).to_numpy(dtype=float)


def with_covariates(
    context: Mapping[Key, Instance], X: pd.DataFrame, trained: Trained
) -> dict[Key, Instance]:
    """Add to what is known of X what a forecast is given of it."""
    check_wanted(X, trained)
    check_values(X, "X")
    if lacking := [name for name in trained.future if name not in X.columns]:
        raise ValueError(mismatch("X", lacking, []))
    if unknown := [name for name in X.columns if name not in trained.covariates]:
        raise ValueError(mismatch("X", [], unknown))
    given = split(X, None)
    known = {}
    for key, instance in context.items():
        if key not in given:
            raise ValueError(f"X lacks the instance {key}. Give X for every instance of y.")
        assert instance.X is not None
        # past covariates need not be given again: what is known of them stays
        columns = given[key].y.reindex(columns=trained.covariates)
        known[key] = Instance(instance.y, columns.combine_first(instance.X))
    return known


def check_wanted(X: pd.DataFrame | None, trained: Trained) -> None:
    """Raise if X came to a model without covariates."""
    if X is not None and not trained.covariates:
        raise ValueError(
            f"X has no effect: the forecaster was fitted without covariates, and now X came "
            f"with {', '.join(map(repr, X.columns[:5]))}. Fit with X, or leave it out."
        )


def check_reach(n: int, horizon: int, past: Sequence[Any]) -> None:
    """Raise if a model of ``horizon`` steps cannot forecast ``n``, for past covariates."""
    if past and n > horizon:
        raise ValueError(
            f"fh reaches step {n}, and the model forecasts {horizon} steps at once "
            "(output_chunk_length). It cannot go on by itself, because the past covariates "
            f"{', '.join(map(repr, past))} are not known there. Fit with "
            f"output_chunk_length={n}, or without past covariates."
        )


def check_lookback(
    instances: Mapping[Key, Instance], lookback: int, short_instances: ShortInstances
) -> None:
    """Say that series have fewer rows than a forecast is made from: by an error or a warning."""
    short = {k: len(i.y) for k, i in instances.items() if len(i.y) < lookback}
    if not short:
        return
    key, rows = next(iter(short.items()))
    which = f"the series {key}" if key else "the series"
    more = f" ({len(short)} series are too short)" if len(short) > 1 else ""
    problem = (
        f"A forecast is made from {lookback} rows (input_chunk_length), and {which} has "
        f"{rows}{more}."
    )
    if short_instances == "raise":
        raise ValueError(
            f"{problem} Give more rows, choose a shorter input_chunk_length, or let the first row "
            "be repeated before the others with short_instances='pad'."
        )
    warnings.warn(
        f"{problem} It is forecast from these, with the first one repeated before them. Choose "
        "a shorter input_chunk_length, or short_instances='raise' for an error.",
        UserWarning,
        stacklevel=2,
    )

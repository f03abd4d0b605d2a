"""Training one Darts model on all instances."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hyperforecast.automatic import periods_of_frequency
from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.darts.training.best_weights import BestWeights
from hyperforecast.sktime.attributes import Known
from hyperforecast.sktime.conversion import as_arguments, first_number, to_darts
from hyperforecast.sktime.instances import (
    Instance,
    Key,
    check_observed,
    covering,
    in_order,
    matched,
)
from hyperforecast.sktime.scaling import InstanceScaler, Kind, Scale
from hyperforecast.sktime.trained import Trained


@dataclass
class Plan:
    """What a model is going to be trained on: known, and checked, before it is made."""

    instances: dict[Key, Instance]
    """Those with enough rows for a window."""
    n_held_out: dict[Key, int]
    """How many of their last rows are held out to validate on."""
    channels: list[Any]
    """Column labels of y in the order of the weights."""
    future: list[Any]
    """Column labels of X that are known ahead."""
    past: list[Any]
    """Column labels of X that are known up to now."""
    lookback: int
    horizon: int
    known: Known
    """Static covariates of instances, by name."""
    freq: Any = None
    """Step of the time index, where phases of periods matter."""

    def rows_to_train_on(self, key: Key) -> slice:
        """Return which rows of an instance are not held out."""
        return slice(len(self.instances[key].y) - self.n_held_out[key])

    def y_values(self) -> dict[Key, np.ndarray]:
        """Return the channels of every instance, (T, C) each."""
        return {
            key: in_order(instance.y, self.channels, "y").to_numpy(dtype=float)
            for key, instance in self.instances.items()
        }

    def X_values(self) -> dict[Key, np.ndarray]:
        """Return the covariates of every instance, (T, K) each; none where there are none."""
        covariates = [*self.future, *self.past]
        if not covariates:
            return {}
        return {
            key: covering(instance.X, instance.y.index, covariates, key).to_numpy(dtype=float)
            for key, instance in self.instances.items()
        }


def plan_training(
    instances: Mapping[Key, Instance],
    lengths: tuple[int, int],
    *,
    past_covariates: Sequence[Any] | None = None,
    validation_size: float | None = None,
    start: Trained | None = None,
    known: Known | None = None,
    freq: Any = None,
) -> Plan:
    """Say what a model is trained on, and raise where that cannot be.

    Parameters
    ----------
    instances : mapping of Instance
    lengths : (int, int)
        Lookback and horizon.
    past_covariates : sequence, optional
        Column labels of X that are known up to now.
    validation_size : float, optional
        Share of each series' last rows to hold out.
    start : Trained, optional
        Whose weights are taken over, and with them the order of columns.
    known : dict, optional
        Static covariates of instances.
    freq : offset or int, optional
        Step of the time index, where phases of periods matter.
    """
    check_observed(instances)
    lookback, horizon = lengths
    first = next(iter(instances.values()))
    channels = list(first.y.columns)
    future, past = _roles(first.X, past_covariates)
    if start is not None:
        channels = matched(channels, start.channels, "y")
        future = matched(future, start.future, "X")
        past = matched(past, start.past, "X")
    n_rows = {key: len(instance.y) for key, instance in instances.items()}
    long_enough = [key for key, rows in n_rows.items() if rows >= lookback + horizon]
    if not long_enough:
        raise ValueError(
            f"The series are too short to train on: {lookback + horizon} rows are needed "
            f"(input_chunk_length={lookback} + output_chunk_length={horizon}), and the longest "
            f"series has {max(n_rows.values())}. Give more rows or choose shorter lengths."
        )
    n_held_out = dict.fromkeys(long_enough, 0)
    if validation_size is not None:
        for key in long_enough:
            held_out = max(horizon, math.ceil(validation_size * n_rows[key]))
            if n_rows[key] - held_out >= lookback + horizon:
                n_held_out[key] = held_out
        if not any(n_held_out.values()):
            raise ValueError(
                f"validation_size={validation_size} leaves too few rows: to train and to "
                f"validate takes {lookback + 2 * horizon} rows, and the longest series has "
                f"{max(n_rows.values())}. Give more rows or no validation_size."
            )
    return Plan(
        instances={key: instances[key] for key in long_enough},
        n_held_out=n_held_out,
        channels=channels,
        future=future,
        past=past,
        lookback=lookback,
        horizon=horizon,
        known=known or {},
        freq=freq,
    )


def choose_lengths(
    instances: Mapping[Key, Instance],
    lookback: int | None,
    horizon: int | None,
    largest_step: int | None,
) -> tuple[int, int]:
    """Return lookback and horizon; where they are not given, from fh and the data."""
    horizon = horizon or max(largest_step or 1, 1)
    if lookback is not None:
        return lookback, horizon
    rows = sorted(len(instance.y) for instance in instances.values())
    median = rows[len(rows) // 2]
    lookback = min(max(24, 3 * horizon), (max(rows) - horizon) // 2, median)
    return max(lookback, 1), horizon


def train(
    model: HyperforecastModel,
    plan: Plan,
    *,
    scaler: Kind,
    options: dict[str, Any],
    fit_options: Mapping[str, Any],
    start: Trained | None = None,
    scales: Trained | None = None,
    patience: int | None = None,
    verbose: bool = False,
) -> Trained:
    """Train a model as planned.

    Parameters
    ----------
    model : HyperforecastModel
        Untrained.
    plan : Plan
    scaler : {"standard", "global", None}
        How columns are standardised by the rows trained on.
    options : dict
        Parameters of the forecaster that the weights depend on, to be kept beside them.
    fit_options : mapping
        Arguments of the model's ``fit``.
    start : Trained, optional
        Whose weights training starts from; its base, which stays as it is, where the horizon is
        another.
    scales : Trained, optional
        Whose scales are kept, whatever ``scaler`` says.
    patience : int, optional
        Epochs without a lower validation loss after which training stops.
    verbose : bool, default=False
        Whether progress is shown.
    """
    trained, arguments = inputs_of_training(
        model, plan, scaler=scaler, options=options, start=start, scales=scales
    )
    if start is not None and start.horizon != plan.horizon:
        arguments["base"] = start.model
    elif start is not None:
        assert start.model.model is not None
        model.train_from(start.model.model.state_dict())
    own = model.trainer_params["callbacks"]
    best = [BestWeights(patience)] if "val_series" in arguments else []
    model.trainer_params["callbacks"] = [*own, *best]
    try:
        model.fit(**arguments, **fit_options, verbose=verbose)
    finally:
        model.trainer_params["callbacks"] = own
    _forget_data(model)
    return dataclasses.replace(trained, running=model.running_fit())


def inputs_of_training(
    model: HyperforecastModel,
    plan: Plan,
    *,
    scaler: Kind,
    options: dict[str, Any],
    start: Trained | None = None,
    scales: Trained | None = None,
) -> tuple[Trained, dict[str, Any]]:
    """Return what is to be trained, with its scales, and the series to train it on.

    See :func:`train` for the parameters.

    Returns
    -------
    trained : Trained
        With the model as it is.
    arguments : dict
        Series and covariates, as the model's ``fit`` takes them.
    """
    y_values, X_values = plan.y_values(), plan.X_values()
    y_rows, X_rows = (
        {key: rows[plan.rows_to_train_on(key)] for key, rows in values.items()}
        for values in (y_values, X_values)
    )
    if scales is None:
        y_scaler = InstanceScaler.fit(scaler, y_rows, len(plan.channels))
        X_scaler = InstanceScaler.fit(scaler, X_rows, len(plan.future) + len(plan.past))
    else:
        y_scaler = scales.y_scaler.trained_on(y_rows)
        X_scaler = scales.X_scaler.trained_on(X_rows) if X_rows else scales.X_scaler
    trained = Trained(
        model=model,
        channels=plan.channels,
        future=plan.future,
        past=plan.past,
        y_scaler=y_scaler,
        X_scaler=X_scaler,
        options=options,
        known=plan.known,
        freq=plan.freq,
    )
    model.suggest_periods(periods_of_frequency(plan.freq))
    names = [str(c) for c in plan.channels] if start is None else start.model.channel_names
    training, validation = [], []
    for key, y in y_values.items():
        X, rows = X_values.get(key), plan.rows_to_train_on(key)
        scale = trained.scales(key, y[rows])
        index = plan.instances[key].y.index
        first = first_number(trained, index)
        training.append(to_darts(trained, key, scale, y[rows], X, names, first=first))
        if plan.n_held_out[key]:
            held_out = slice(rows.stop - plan.lookback, None)
            known = None if X is None else X[held_out]
            first = first_number(trained, index, held_out.start)
            validation.append(to_darts(trained, key, scale, y[held_out], known, names, first=first))
    return trained, {**as_arguments(training), **as_arguments(validation, "val_")}


def scale_others(
    trained: Trained, seen: Mapping[Key, Instance], before: Mapping[Key, Instance]
) -> Trained:
    """Scale instances that were not trained on by all rows seen of them.

    Parameters
    ----------
    trained : Trained
    seen : mapping of Instance
        The rows that are known now, columns in the order of the weights.
    before : mapping of Instance
        Those that were kept so far, not all that their scale is made from. Rows that go on from
        them are added to the scale; where others take their place it is made anew.
    """
    y_scales, X_scales = {}, {}
    for key in trained.y_scaler.of_others(seen):
        new, old = seen[key].y, before.get(key)
        y_scale, X_scale = trained.y_scaler.later.get(key), trained.X_scaler.later.get(key)
        if old is not None and y_scale is not None and new.iloc[: len(old.y)].equals(old.y):
            new = new.iloc[len(old.y) :]
            if new.empty:
                continue
        else:
            y_scale = X_scale = None
        y_scales[key] = _extended(y_scale, new)
        if trained.covariates:
            X = covering(seen[key].X, new.index, trained.covariates, key)
            X_scales[key] = _extended(X_scale, X)
    return dataclasses.replace(
        trained,
        y_scaler=trained.y_scaler.having_seen(y_scales),
        X_scaler=trained.X_scaler.having_seen(X_scales),
    )


def _extended(scale: Scale | None, rows: pd.DataFrame) -> Scale:
    values = rows.to_numpy(dtype=float)
    return Scale.of(values) if scale is None else scale.extended(values)


def _roles(
    X: pd.DataFrame | None, past_covariates: Sequence[Any] | None
) -> tuple[list[Any], list[Any]]:
    """Return which columns of X are known ahead, and which up to now."""
    columns = [] if X is None else list(X.columns)
    past = list(past_covariates or ())
    missing = [name for name in past if name not in columns]
    if missing:
        raise ValueError(
            f"past_covariates names columns that X does not have: "
            f"{', '.join(map(repr, missing))}. "
            + (f"X has: {', '.join(map(repr, columns))}." if columns else "No X was given.")
        )
    return [name for name in columns if name not in past], past


def _forget_data(model: HyperforecastModel) -> None:
    """Leave a trained model without traces of its data."""
    model.trainer = None  # it holds the training data
    model.training_series = None
    model.past_covariate_series = None
    model.future_covariate_series = None

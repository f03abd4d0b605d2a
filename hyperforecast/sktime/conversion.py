"""From tables to Darts' series in the units of the network."""

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd
from darts import TimeSeries

from hyperforecast.automatic import place_in_time
from hyperforecast.sktime.instances import Key
from hyperforecast.sktime.parameters import SERIES_ID
from hyperforecast.sktime.scaling import Scale
from hyperforecast.sktime.trained import Trained

DartsInput = dict[str, TimeSeries | None]
"""Series and covariates of one instance, by the names of Darts' arguments."""


def to_darts(
    trained: Trained,
    key: Key,
    scales: tuple[Scale, Scale],
    y: np.ndarray,
    X: np.ndarray | None,
    names: Sequence[str],
    n_ahead: int = 0,
    first: int = 0,
) -> DartsInput:
    """Make Darts' series of one instance, in scaled units.

    Parameters
    ----------
    trained : Trained
        Names of the columns.
    key : tuple
        Labels of the instance, by which it is known where weights are by series.
    scales : (Scale, Scale)
        Of y and of X, for this instance.
    y : array, shape (T, C)
    X : array, shape (T or more, K), optional
        Columns that are known ahead, then those that are known up to now.
    names : sequence of str
        Of the channels in the model.
    n_ahead : int, default=0
        Steps that Darts asks for behind the rows of ``y``; those that ``X`` lacks are filled up.
    first : int, default=0
        Number that the series count from: see :func:`first_number`.
    """
    n_rows = len(y)
    y_scale, X_scale = scales
    inputs: DartsInput = {
        "series": _series(y_scale.transform(y), names, first, _identity(trained, key)),
        "past_covariates": None,
        "future_covariates": None,
    }
    if X is not None:
        scaled = X_scale.transform(X)
        n_future = len(trained.future)
        if trained.future:
            # Darts asks for the whole horizon, also where fewer steps are forecast
            n_missing = max(0, n_rows + n_ahead - len(scaled))
            known = np.pad(scaled[:, :n_future], ((0, n_missing), (0, 0)))
            inputs["future_covariates"] = _series(known, [str(c) for c in trained.future], first)
        if trained.past:
            inputs["past_covariates"] = _series(
                scaled[:n_rows, n_future:], [str(c) for c in trained.past], first
            )
    return inputs


def as_arguments(inputs: Sequence[DartsInput], prefix: str = "") -> dict[str, list[TimeSeries]]:
    """Return the arguments of Darts' ``fit`` and ``predict``; an absent input is left out."""
    names = ("series", "past_covariates", "future_covariates")
    lists = {name: [one for each in inputs if (one := each[name]) is not None] for name in names}
    return {f"{prefix}{name}": series for name, series in lists.items() if series}


def instance_name(key: Key) -> str:
    """Return the name by which a model knows an instance."""
    return str(key[0]) if len(key) == 1 else json.dumps(list(map(str, key)))


def _identity(trained: Trained, key: Key) -> pd.DataFrame | None:
    """Return what names an instance where weights are by series, and what it is known by."""
    if trained.model.weights_by == "channel":
        return None
    known = {name: [value] for name, value in trained.known.get(key, {}).items()}
    return pd.DataFrame({**known, SERIES_ID: [instance_name(key)]})


def first_number(trained: Trained, index: pd.Index, row: int = 0) -> int:
    """Return the number that the series of a model count from.

    Where phases of periods matter it is the place in time of a ``row`` of the index, which may lie
    before the first one; else 0.
    """
    if trained.freq is None:
        return 0
    return place_in_time(index[0], trained.freq) + row


def _series(
    values: np.ndarray, names: Sequence[str], first: int, static: pd.DataFrame | None = None
) -> TimeSeries:
    times = pd.RangeIndex(first, first + len(values))
    return TimeSeries.from_times_and_values(
        times, values, columns=list(names), static_covariates=static
    )

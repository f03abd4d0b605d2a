"""Columns and instances that come after training, added to a trained model."""

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pandas as pd

from hyperforecast.nn.newcomers import Adaptation
from hyperforecast.sktime.conversion import as_arguments, instance_name, to_darts
from hyperforecast.sktime.instances import Instance, Key, covering
from hyperforecast.sktime.scaling import Kind
from hyperforecast.sktime.trained import Trained

ADAPTATION_OF: Mapping[str, Adaptation] = MappingProxyType(
    {"add": "solve", "encoder": "encoder", "fine-tune": "fine-tune"}
)
"""How newcomers get what is their own, by what the option of the forecasters says."""


def new_columns(y: pd.DataFrame, trained: Trained, newcomers: str | None) -> list[Any]:
    """Return the columns of y that a trained model does not have, beside all that it has.

    Parameters
    ----------
    y : DataFrame
    trained : Trained
    newcomers : {"add", "encoder", "fine-tune", None}
        The option of the forecaster.

    Raises
    ------
    ValueError
        If there are some, and they are not to be added or cannot be.
    """
    new = [name for name in y.columns if name not in trained.channels]
    if not new or not set(trained.channels) <= set(y.columns):
        return []  # what is missing is said where columns are put in order
    named = ", ".join(map(repr, new[:5]))
    if newcomers is None:
        raise ValueError(
            f"y has the new columns {named}. Give newcomers='add' to solve for weights of their "
            "own, leave them out, or fit with them."
        )
    if trained.model.weights_by != "channel":
        raise ValueError(
            f"y has the new columns {named}, and weights are by series (weights_by="
            f"{trained.model.weights_by!r}), where instances can be added and columns cannot. "
            "Leave them out, or fit with them."
        )
    if trained.running is not None and trained.running.moments is not None:
        raise ValueError(
            f"y has the new columns {named}, of which the moments that are kept in the place of "
            "rows know nothing. Fit with set_config(remember_data=True), or leave them out."
        )
    names = [str(name) for name in new]
    if taken := [name for name in names if name in trained.model.channel_names]:
        raise ValueError(
            f"The new columns {', '.join(map(repr, taken[:5]))} have names of channels that the "
            "model was trained on, as text. Rename them."
        )
    return new


def with_columns(
    trained: Trained,
    given: Mapping[Key, Instance],
    new: Sequence[Any],
    scaler: Kind,
) -> Trained:
    """Add columns of y, whose weights are solved for on the rows given; all others stay.

    Parameters
    ----------
    trained : Trained
        It stays as it is.
    given : mapping of Instance
        Columns in the order of the weights, new ones behind.
    new : sequence
        Labels of the new columns.
    scaler : {"standard", "global", None}
    """
    rows = {key: one.y[list(new)].to_numpy(dtype=float) for key, one in given.items()}
    wider = dataclasses.replace(
        trained,
        channels=[*trained.channels, *new],
        y_scaler=trained.y_scaler.with_columns(scaler, rows, len(new)),
    )
    return with_newcomers(wider, given, "add")


def with_newcomers(trained: Trained, rows: Mapping[Key, Instance], newcomers: str) -> Trained:
    """Solve for whatever was not trained on, on all rows that are known of it.

    Parameters
    ----------
    trained : Trained
        With names and scales of all columns and instances. It stays as it is.
    rows : mapping of Instance
        Columns in the order of the weights.
    newcomers : {"add", "encoder", "fine-tune"}
        The option of the forecaster. An encoder is trained on the rows of what is known, once.
    """
    by_series = trained.model.weights_by != "channel"
    known = trained.model.trained_channel_names
    familiar = rows
    if by_series:
        series = trained.model.trained_series_names
        familiar = {key: one for key, one in rows.items() if instance_name(key) in series}
        rows = {key: one for key, one in rows.items() if key not in familiar}
        if not rows:
            return trained
    elif len(trained.channels) == len(known):
        return trained
    names = [*known, *map(str, trained.channels[len(known) :])]
    model = copy.deepcopy(trained.model)
    if newcomers == "encoder" and not model.has_encoder:
        model.fit_encoder(**_given(trained, familiar, names))
    adaptation: Adaptation = ADAPTATION_OF[newcomers]
    if by_series:
        model.add_series(**_given(trained, rows, names), adaptation=adaptation)
    else:
        model.add_channels(**_given(trained, rows, names), adaptation=adaptation)
    return dataclasses.replace(trained, model=model, running=None)


def _given(
    trained: Trained, rows: Mapping[Key, Instance], names: Sequence[str]
) -> dict[str, list[Any]]:
    """Return series and covariates as a Darts model is given them."""
    inputs = []
    for key, one in rows.items():
        y, X = one.y.to_numpy(dtype=float), None
        if trained.covariates:
            X = covering(one.X, one.y.index, trained.covariates, key).to_numpy(dtype=float)
        inputs.append(to_darts(trained, key, trained.scales(key, y), y, X, names))
    return as_arguments(inputs)

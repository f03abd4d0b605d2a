"""Updates of forecasters that were solved exactly: moments are kept in the place of rows."""

import copy
import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd

from hyperforecast.sktime.conversion import as_arguments, first_number, to_darts
from hyperforecast.sktime.instances import Instance, Key, covering
from hyperforecast.sktime.trained import Trained


def counting(trained: Trained, seen: Mapping[Key, Instance], forgetting: float = 1.0) -> Trained:
    """Count every window that ends in a row which was not seen before.

    Parameters
    ----------
    trained : Trained
        Solved exactly.
    seen : mapping of Instance
        The new rows behind, where there are any, the last ``lookback + horizon - 1`` rows before
        them; columns in the order of the weights.
    forgetting : float, default=1.0
        How much a window counts beside one that is a step later.
    """
    assert trained.running is not None
    width = trained.lookback + trained.horizon
    names = trained.model.channel_names
    inputs, counted = [], dict(trained.counted)
    for key, instance in seen.items():
        last = trained.counted.get(key)
        first = 0 if last is None else int(instance.y.index.searchsorted(last, side="right"))
        rows = instance.y.iloc[max(0, first - width + 1) :]
        if first < len(instance.y):
            counted[key] = instance.last
        if first == len(instance.y) or len(rows) < width:
            continue
        y, X = rows.to_numpy(dtype=float), None
        if trained.covariates:
            X = covering(instance.X, rows.index, trained.covariates, key).to_numpy(dtype=float)
        begin = first_number(trained, rows.index)
        scales = trained.scales(key, y)
        inputs.append(to_darts(trained, key, scales, y, X, names, first=begin))
    running = trained.running
    if inputs:
        running = trained.model.counting(running, **as_arguments(inputs), forgetting=forgetting)
    return dataclasses.replace(trained, running=running, counted=counted)


def solved(trained: Trained) -> Trained:
    """Return a trained model with the weights of all windows counted; the one given stays."""
    assert trained.running is not None
    if trained.running.moments is None:
        return trained
    model = copy.deepcopy(trained.model)
    return dataclasses.replace(trained, model=model.solve_for(trained.running))


def check_uncorrected(
    trained: Trained, before: Mapping[Key, Instance], seen: Mapping[Key, Instance]
) -> None:
    """Raise if rows that are in the moments come again with other values."""
    for key, old in before.items():
        counted = trained.counted.get(key)
        if key not in seen or counted is None:
            continue
        common = old.y.index.intersection(seen[key].y.index)
        common = common[common <= counted]
        then, now = (one.y.loc[common].to_numpy(dtype=float) for one in (old, seen[key]))
        same = (then == now) | (np.isnan(then) & np.isnan(now))
        wrong = np.flatnonzero(~same.all(axis=1))
        if len(wrong):
            raise ValueError(_corrected(key, common, wrong[0]))


def _corrected(key: Key, rows: pd.Index, row: int) -> str:
    of = f" of instance {key}" if key else ""
    return (
        f"The row {rows[row]}{of} came before with other values. With remember_data=False rows are "
        "kept as moments, from which no row can be taken out again. Fit again, or fit with "
        "set_config(remember_data=True), so that rows can be corrected."
    )

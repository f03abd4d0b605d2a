"""What instances are known by beside their rows: constant columns of X, or levels of the index."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from hyperforecast.sktime.instances import Key, key_of, rows_of_each

Known = dict[Key, dict[str, Any]]
"""Static covariates of instances, by name."""


def without_static(X: pd.DataFrame | None, static_covariates: Sequence[Any]) -> pd.DataFrame | None:
    """Return X without the columns that are static covariates; ``None`` where none is left."""
    if X is None or not len(static_covariates):
        return X
    others = X[[name for name in X.columns if name not in static_covariates]]
    return others if others.shape[1] else None


def known_by(
    y: pd.DataFrame,
    X: pd.DataFrame | None,
    static_covariates: Sequence[Any],
    known: Iterable[Key] = (),
) -> Known:
    """Return the static covariates of instances.

    Parameters
    ----------
    y : DataFrame
    X : DataFrame, optional
    static_covariates : sequence
        Names of columns of X that are constant in each instance, or of levels of the index.
    known : iterable of tuple
        Instances that are passed over: what is known of them stays.

    Returns
    -------
    dict
        With an entry for each instance that is not known.

    Raises
    ------
    ValueError
        If a name is neither, or a column is not constant.
    """
    if not len(static_covariates):
        return {}
    levels = list(y.index.names[:-1])
    keys: list[Key] = [()]
    if isinstance(y.index, pd.MultiIndex):
        keys = list(dict.fromkeys(map(key_of, y.index.droplevel(-1))))
    before = set(known)
    new = [key for key in keys if key not in before]
    found: Known = {key: {} for key in new}
    for name in static_covariates:
        if X is not None and name in X.columns:
            values = _constants(X[name])
        elif name in levels:
            place = levels.index(name)
            values = {key: key[place] for key in new}
        elif not new:
            continue
        else:
            columns = [] if X is None else [*X.columns]
            raise ValueError(
                f"static_covariates names {name!r}, which is neither a column of X nor a level of "
                f"the index above time. There are the columns "
                f"{', '.join(map(repr, columns)) or 'none'}, and the levels "
                f"{', '.join(map(repr, levels)) or 'none'}."
            )
        for key in new:
            if key not in values:
                raise ValueError(f"X lacks the instance {key}. Give X for every instance of y.")
            found[key][str(name)] = values[key]
    return found


def _constants(column: pd.Series) -> Mapping[Key, Any]:
    """Return the one value of each instance's rows; missing ones are passed over."""
    values = {}
    for key, part in rows_of_each(column).items():
        distinct = part.dropna().unique()
        if len(distinct) > 1:
            of = f" of instance {key}" if key else ""
            raise ValueError(
                f"The column {column.name!r} of X{of} is not constant: it has the values "
                f"{', '.join(map(repr, distinct[:5]))}. static_covariates are what an instance is, "
                "in all of its rows; leave a column that changes out of them."
            )
        values[key] = distinct[0] if len(distinct) else float("nan")
    return values

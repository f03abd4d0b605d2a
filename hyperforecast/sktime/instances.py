"""Series, panels and hierarchies as a dictionary of single series, checked and by name."""

import warnings
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from sktime.datatypes import convert_to

from hyperforecast.nn.errors import other_names
from hyperforecast.sktime.timeline import (
    check_regular,
    check_same_kind,
    find_frequency,
    irregular,
)

PANDAS = ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"]
"""The formats of sktime that are tables of pandas: of series, panels and hierarchies."""

Key = tuple
"""Labels of an instance on the upper index levels; empty for a single series."""

Rows = TypeVar("Rows", pd.DataFrame, pd.Series)
"""Rows of a table, or of one of its columns."""


@dataclass
class Instance:
    """One series: its channels, and what is known beside them."""

    y: pd.DataFrame
    X: pd.DataFrame | None

    @property
    def last(self) -> Any:
        """Label of the last row: the cutoff of this series."""
        return self.y.index[-1]


def checked(y: pd.DataFrame, X: pd.DataFrame | None) -> dict[Key, Instance]:
    """Check what sktime passes, and split it into single series."""
    if y.shape[1] == 0:
        raise ValueError("y has no columns. Expected a column for each channel to forecast.")
    check_values(y, "y")
    if X is not None:
        check_values(X, "X")
    return split(y, X)


def split(y: pd.DataFrame, X: pd.DataFrame | None) -> dict[Key, Instance]:
    """Split what sktime passes, of any scitype, into single series."""
    ys, xs = rows_of_each(y), None if X is None else rows_of_each(X)
    if xs is not None and (missing := [key for key in ys if key not in xs]):
        raise ValueError(
            f"X lacks {len(missing)} of the {len(ys)} instances of y, the first is {missing[0]}. "
            "Give X for every instance."
        )
    return {key: Instance(part, None if xs is None else xs[key]) for key, part in ys.items()}


def rows_of_each(frame: Rows) -> dict[Key, Rows]:
    """Split a table, or a column of one, into the rows of each instance."""
    if not isinstance(frame.index, pd.MultiIndex):
        return {(): frame}
    levels: list[Hashable] = list(range(frame.index.nlevels - 1))
    # pandas has changed its mind about what a list of one level gives for labels
    groups = frame.groupby(level=levels[0] if len(levels) == 1 else levels, sort=False)
    return {key_of(labels): part.droplevel(levels) for labels, part in groups}


def key_of(labels: Any) -> Key:
    """Return the labels of an instance as a tuple, of which one level alone makes none."""
    return labels if isinstance(labels, tuple) else (labels,)


def join(parts: Mapping[Key, pd.DataFrame], names: Sequence[Any]) -> pd.DataFrame:
    """Put single series together again, ``names`` being those of the upper index levels."""
    if () in parts:
        return parts[()]
    time_name = next(iter(parts.values())).index.name
    return pd.concat(list(parts.values()), keys=list(parts), names=[*names, time_name])


def check_numeric(frame: Any, what: str) -> None:
    """Raise if a table has columns of another kind than numbers, and say which.

    Columns of objects are left to sktime, which has series in them in one of its formats.
    """
    if isinstance(frame, pd.Series):
        frame = frame.to_frame()
    if not isinstance(frame, pd.DataFrame):
        return
    other = [f"{name!r} ({one.dtype})" for name, one in frame.items() if not _is_number(one)]
    if other:
        raise TypeError(
            f"{what} must hold numbers only; not numeric: {', '.join(other[:5])}. Encode "
            "categorical columns as numbers, or drop them."
        )


def _is_number(column: pd.Series) -> bool:
    if pd.api.types.is_object_dtype(column.dtype):  # that of text, too, before pandas 3
        return pd.api.types.infer_dtype(column) != "string"
    numeric = pd.api.types.is_numeric_dtype(column.dtype)
    return numeric and not pd.api.types.is_complex_dtype(column.dtype)


def check_rows(y: Any) -> None:
    """Raise if a table, or an instance in a list or array of them, has no rows."""
    if y is None:
        return
    parts = y if isinstance(y, list) else [y]
    # time is the last of three axes of an array, and the first of two
    empty = [
        part
        for part in parts
        if isinstance(part, (pd.DataFrame, pd.Series, np.ndarray))
        and (len(part) == 0 or (part.ndim == 3 and part.shape[-1] == 0))
    ]
    if empty or not parts:
        raise ValueError("y has no rows. Expected a row for every step seen so far.")


def check_finite(table: Any, what: str) -> None:
    """Raise if a table, in any of sktime's formats, holds infinite values."""
    if table is not None:
        check_values(convert_to(table, PANDAS), what)


def check_values(frame: pd.DataFrame, what: str) -> None:
    """Raise if columns share a name or hold infinite values; those that are NaN are missing."""
    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{what} has more than one column named {twice!r}; names must differ.")
    infinite = np.isinf(frame.to_numpy(dtype=float, na_value=np.nan))
    if infinite.any():
        rows, columns = np.nonzero(infinite)
        at = frame.index[rows[0]]
        *key, time = at if isinstance(frame.index, pd.MultiIndex) else (at,)
        labels = tuple(one.item() if isinstance(one, np.generic) else one for one in key)
        of = f" of instance {labels}" if labels else ""
        raise ValueError(
            f"{what} holds {len(rows)} infinite values, the first in column "
            f"{frame.columns[columns[0]]!r}{of} at {time}. Expected finite numbers, or NaN where "
            "a value is missing."
        )


def check_observed(instances: Mapping[Key, Instance]) -> None:
    """Raise if a column has no value at all: one of y in all instances, one of X in any."""
    ys = [instance.y for instance in instances.values()]
    absent = [name for name in ys[0].columns if all(y[name].isna().all() for y in ys)]
    what, of = "y", ""
    for key, instance in instances.items():
        if not absent and instance.X is not None:
            X = instance.X
            absent = [name for name in X.columns if X[name].isna().all()]
            what, of = "X", f" of instance {key}" if key else ""
    if absent:
        raise ValueError(
            f"{what}{of} has no value at all in {', '.join(map(repr, absent[:5]))}: all are NaN. "
            "Expected at least one value that is there; drop the column."
        )


def common_frequency(instances: Mapping[Key, Instance], known: Any = None) -> Any:
    """Return the step that all series share, and raise if one is irregular."""
    if known is None:
        longest = max(instances.values(), key=lambda instance: len(instance.y))
        known = find_frequency(longest.y.index)
    for instance in instances.values():
        if known is None and len(instance.y) > 1:
            raise ValueError(irregular(instance.y.index, "no step can be told from so few rows"))
        check_regular(instance.y.index, known)
    return known


def mismatch(what: str, missing: Sequence[Any], added: Sequence[Any]) -> str:
    """Say which columns of a table are missing and which are new."""
    return other_names(f"columns of {what}", "forecaster", missing, added)


def check_labels(new: Iterable[Key], known: Iterable[Key]) -> None:
    """Raise if an instance is one that is known, but for the type of its labels."""
    by_text = {tuple(map(str, key)): key for key in known}
    for key in new:
        other = by_text.get(tuple(map(str, key)), key)
        if other != key:
            raise ValueError(
                f"The instance {key} would be a new one beside {other}, from which it differs "
                "only by the type of its labels. Give the labels the type that they had before."
            )


def in_order(frame: pd.DataFrame, names: Sequence[Any], what: str) -> pd.DataFrame:
    """Return the columns ``names`` of a frame, in that order; other columns are an error."""
    if list(frame.columns) == list(names):
        return frame
    missing = [name for name in names if name not in frame.columns]
    added = [name for name in frame.columns if name not in names]
    if missing or added:
        raise ValueError(mismatch(what, missing, added))
    return frame[list(names)]


def by_name(
    instances: Mapping[Key, Instance], channels: Sequence[Any], covariates: Sequence[Any]
) -> dict[Key, Instance]:
    """Bring the columns of every instance into the order of the weights."""
    return {
        key: Instance(
            in_order(instance.y, channels, "y"),
            None if instance.X is None or not covariates else in_order(instance.X, covariates, "X"),
        )
        for key, instance in instances.items()
    }


def covering(
    X: pd.DataFrame | None, index: pd.Index, columns: Sequence[Any], key: Key
) -> pd.DataFrame:
    """Return columns of X at every label of ``index``, which it must have."""
    of = f" of instance {key}" if key else ""
    if not columns:
        return pd.DataFrame(index=index)
    if X is None:
        raise ValueError(
            f"X{of} is needed: the forecaster was fitted with the covariates "
            f"{', '.join(map(repr, columns))}, and none came."
        )
    rows = in_order(X[[c for c in X.columns if c in columns]], columns, "X").reindex(index)
    absent = ~index.isin(X.index)
    if absent.any():
        raise ValueError(
            f"X{of} does not cover what is needed of {', '.join(map(repr, columns[:5]))}: "
            f"{absent.sum()} of {len(index)} rows from {index[0]} to {index[-1]} are missing, the "
            f"first is {index[absent][0]}."
        )
    return rows


def matched(names: Sequence[Any], trained: Sequence[Any], what: str) -> list[Any]:
    """Return ``names`` in the order of the ``trained`` ones, whose weights are to be taken over.

    Another data set may name its channels otherwise: names that have none in common with the
    trained ones are taken by position, with a warning where positions could be mistaken.
    """
    if set(names) == set(trained):
        return list(trained)
    if len(names) == len(trained) and not set(names) & set(trained):
        if len(names) > 1:
            pairs = [
                f"{name!r} those of {known!r}" for name, known in zip(names, trained, strict=True)
            ]
            warnings.warn(
                f"The columns of {what} share no name with those that were trained on, so they "
                f"take over weights by position: {', '.join(pairs[:5])}"
                f"{', ...' if len(pairs) > 5 else ''}. Rename them to the trained names if that "
                "is not meant.",
                UserWarning,
                stacklevel=2,
            )
        return list(names)
    missing = [name for name in trained if name not in names]
    added = [name for name in names if name not in trained]
    raise ValueError(mismatch(what, missing, added))


def extended(old: Instance | None, new: Instance) -> Instance:
    """Append newer rows; old rows from the first new one on are dropped.

    So the series ends where the new rows end, also when they lie before rows seen earlier: a
    forecast from an earlier time must not see what came after it.
    """
    if old is None:
        return new
    check_same_kind(new.y.index, old.y.index)
    y = pd.concat([old.y.loc[old.y.index < new.y.index[0]], new.y])
    if old.X is None or new.X is None:
        return Instance(y, old.X if new.X is None else new.X)
    X = pd.concat([old.X.loc[~old.X.index.isin(new.X.index)], new.X]).sort_index()
    return Instance(y, X)


def latest(instance: Instance, rows: int) -> Instance:
    """Keep the last ``rows`` rows, and of X what is known from there on."""
    y = instance.y.iloc[-rows:].copy()
    X = None if instance.X is None else instance.X.loc[instance.X.index >= y.index[0]].copy()
    return Instance(y, X)


def until(instance: Instance, last: Any) -> Instance:
    """Drop rows of y after ``last``."""
    return Instance(instance.y.loc[instance.y.index <= last], instance.X)

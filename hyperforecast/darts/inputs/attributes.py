"""Static covariates as attributes: numbers that weights of series are generated from."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
import torch
from darts import TimeSeries
from torch import Tensor

from hyperforecast.darts.inputs.names import name_order
from hyperforecast.darts.inputs.series_numbers import series_name, without_column

COMPONENT = "component"
"""Attribute of channels of series: which channel it is."""

LEAST_PART = 1e-6
"""Part of the largest singular value of attributes below which a direction says nothing new."""


@dataclass
class _Column:
    """A static covariate: what of it is subtracted and divided by.

    Attributes
    ----------
    name : str
    mean, deviation : float
        Of numbers.
    levels : list of str, optional
        Of a category; ``None`` of numbers.
    shares : list of float
        Parts of the rows that have each level.
    """

    name: str
    mean: float = 0.0
    deviation: float = 1.0
    levels: list[str] | None = None
    shares: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, values: pd.Series) -> Self:
        name = str(values.name)
        if _is_number(values):
            numbers = values.to_numpy(dtype=float)
            numbers = numbers[~np.isnan(numbers)]
            mean = float(numbers.mean()) if len(numbers) else 0.0
            deviation = float(numbers.std()) if len(numbers) else 0.0
            return cls(name, mean, deviation or 1.0)
        counts = values.dropna().astype(str).value_counts().sort_index()
        shares = counts.to_numpy(dtype=float) / max(1, counts.sum())
        return cls(name, levels=list(map(str, counts.index)), shares=shares.tolist())

    def encoded(self, values: pd.Series) -> np.ndarray:
        """Return columns of mean zero, (n, m); zeros where nothing is known."""
        if self.levels is None:
            if not _is_number(values):
                raise ValueError(
                    f"The static covariate {self.name!r} was a number for the series trained on, "
                    f"and is {values.iloc[0]!r} now. Give a number, or NaN where it is unknown."
                )
            numbers = values.to_numpy(dtype=float)[:, None]
            return np.nan_to_num((numbers - self.mean) / self.deviation)
        given = values.astype(object).where(values.notna(), None)
        place = {level: i for i, level in enumerate(self.levels)}
        columns = np.zeros((len(given), len(self.levels)))
        for row, value in enumerate(given):
            if value is not None and str(value) in place:
                columns[row] = -np.asarray(self.shares)
                columns[row, place[str(value)]] += 1.0
        return columns


class AttributeEncoder:
    """Makes linearly independent numbers of static covariates.

    Numbers are standardised, categories have a column for each level, less its mean; a level that
    was never seen, and a value that is missing, are zeros, as the mean of the series trained on.
    The columns are then turned onto their principal directions, so that as many are left as there
    are independent ones: penalties on the size of weights stay what they were.

    Parameters
    ----------
    by_component : bool, default=False
        Whether each component of a series has attributes of its own, which one it is among them;
        else a series has one row.

    Attributes
    ----------
    n_attributes : int
        Number S of encoded columns; zero where the series do not differ.
    """

    def __init__(self, by_component: bool = False) -> None:
        self.by_component = by_component
        self._columns: list[_Column] = []
        self._names: list[str] = []
        self._directions = np.zeros((0, 0))

    @property
    def names(self) -> list[str]:
        """Names of the static covariates, those of the first series seen."""
        return list(self._names)

    @property
    def n_attributes(self) -> int:
        """Number of encoded columns."""
        return self._directions.shape[1]

    def fit(self, table: pd.DataFrame) -> Self:
        """Learn columns and directions from a :meth:`table` of what has weights of its own."""
        infinite = [str(n) for n, one in table.items() if _is_number(one) and np.isinf(one).any()]
        if infinite:
            raise ValueError(
                f"The static covariates {', '.join(map(repr, infinite))} hold infinite values. "
                "Expected finite numbers, or NaN where one is unknown."
            )
        self._columns = [_Column.of(values) for _, values in table.items()]
        raw = self._raw(table)
        _, sizes, directions = np.linalg.svd(raw, full_matrices=False)
        kept = sizes > LEAST_PART * max(sizes.max(initial=0.0), 1.0)
        self._directions = directions[kept].T
        return self

    def encode(self, table: pd.DataFrame) -> np.ndarray:
        """Return the attributes (n, S) of rows."""
        return self._raw(table) @ self._directions

    def _raw(self, table: pd.DataFrame) -> np.ndarray:
        parts = [one.encoded(table[one.name]) for one in self._columns]
        return np.hstack([np.zeros((len(table), 0)), *parts])

    def table(self, series: Sequence[TimeSeries], series_id: str | None) -> pd.DataFrame:
        """Return what is known of series: a row for each, or for each component of each.

        Raises
        ------
        ValueError
            If a series lacks static covariates that others have.
        """
        return pd.concat([self._rows(one, series_id) for one in series], ignore_index=True)

    def _rows(self, series: TimeSeries, series_id: str | None) -> pd.DataFrame:
        static = without_column(series.static_covariates, series_id)
        name = series_name(series, series_id)
        if static is None:
            raise ValueError(
                f"The series {name!r} has no static covariates, and others have: weights are "
                f"generated from them. Give it {', '.join(map(repr, self.names)) or 'the same'}, "
                "with NaN or a text of its own where one is unknown, or leave all out with "
                "use_static_covariates=False."
            )
        static = static.rename(columns=str)
        self._names = self._names or list(static.columns)
        order = name_order(list(static.columns), self._names, "static_covariates")
        if order is not None:
            static = static.iloc[:, order]
        elif list(static.columns) != self._names:
            raise ValueError(
                f"Weights are generated from the static covariates "
                f"{', '.join(map(repr, self._names))}, and the series {name!r} has "
                f"{', '.join(map(repr, static.columns))}. Give it the same ones."
            )
        if self.by_component:
            static = static.loc[static.index.repeat(series.n_components // len(static))]
            if series.n_components > 1:
                static = static.assign(**{COMPONENT: list(map(str, series.components))})
            return static
        if len(static.drop_duplicates()) > 1:
            raise ValueError(
                f"The components of the series {name!r} differ in their static covariates, and "
                "weights_by='series' gives them the same weights. Choose weights_by='both', or "
                "give one value for all components."
            )
        return static.iloc[:1]

    def state(self) -> dict[str, Any]:
        """Return the encoder as plain values."""
        return {
            "by_component": self.by_component,
            "names": self._names,
            "columns": [asdict(one) for one in self._columns],
            "directions": self._directions.tolist(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the encoder of a :meth:`state`."""
        encoder = cls(state["by_component"])
        encoder._names = list(state["names"])
        encoder._columns = [_Column(**one) for one in state["columns"]]
        directions = np.asarray(state["directions"], dtype=float)
        encoder._directions = directions.reshape(-1, directions.shape[-1] if directions.size else 0)
        return encoder


def has_attributes(series: Sequence[TimeSeries], series_id: str | None) -> bool:
    """Say whether any series has a static covariate beside the one that names it."""
    return any(without_column(one.static_covariates, series_id) is not None for one in series)


class Attributes(NamedTuple):
    """Attributes of what has weights of its own.

    Attributes
    ----------
    encoder : AttributeEncoder
    values : Tensor, shape (N, S)
    """

    encoder: AttributeEncoder
    values: Tensor


def attributes_of(
    series: Sequence[TimeSeries], numbers: Sequence[int], series_id: str | None, weights_by: str
) -> Attributes | None:
    """Return what is known of series that are told apart by their numbers.

    Returns
    -------
    Attributes or None
        ``None`` where no series has static covariates, or all have the same.

    Raises
    ------
    ValueError
        If some have none, or stretches of one series have others.
    """
    if not has_attributes(series, series_id):
        return None
    encoder = AttributeEncoder(by_component=weights_by == "both")
    table = _rows_by_number(encoder, series, numbers, series_id)
    encoder.fit(table)
    if not encoder.n_attributes:
        return None
    return Attributes(encoder, torch.from_numpy(encoder.encode(table)))


def _rows_by_number(
    encoder: AttributeEncoder,
    series: Sequence[TimeSeries],
    numbers: Sequence[int],
    series_id: str | None,
) -> pd.DataFrame:
    """Return the rows of a table of series, by their numbers."""
    found: dict[int, pd.DataFrame] = {}
    for number, one in zip(numbers, series, strict=True):
        rows = encoder.table([one], series_id)
        before = found.setdefault(number, rows)
        if not before.equals(rows):
            name = series_name(one, series_id)
            differing = [str(c) for c in rows if not before[c].equals(rows[c])]
            raise ValueError(
                f"The series {name!r} is given several times, with other values of "
                f"{', '.join(map(repr, differing))}: its weights are generated from these. Give "
                "the same ones, or name the series apart."
            )
    return pd.concat([found[number] for number in sorted(found)], ignore_index=True)


def only_name(series: TimeSeries, series_id: str | None) -> TimeSeries:
    """Return a series without static covariates, but the one that names it."""
    static = series.static_covariates
    if static is None:
        return series
    named: list[Hashable] = [series_id] if series_id in static.columns else []
    return series.with_static_covariates(static[named] if named else None)


def _is_number(values: pd.Series) -> bool:
    dtype = values.dtype
    return pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)

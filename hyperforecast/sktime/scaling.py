"""Scales of columns: for every instance by its own rows, or one for all instances."""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

import numpy as np

from hyperforecast.sktime.instances import Key

Kind = Literal["standard", "global"] | None
"""Each instance by its own rows, all by the rows of all, or none."""


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of columns.

    A constant column has its value as mean, and deviation 0. It is only centred, and every
    forecast scaled back is that value. Values that are NaN are left out; a column without any
    other has mean and deviation 0.
    """

    mean: np.ndarray
    deviation: np.ndarray
    n_rows: int | np.ndarray = 0
    """Of how many rows these are, or of how many values of each column."""

    @classmethod
    def identity(cls, n_columns: int) -> Self:
        """Return the scale that leaves values as they are."""
        return cls(np.zeros(n_columns), np.ones(n_columns))

    @classmethod
    def of(cls, values: np.ndarray) -> Self:
        """Return the scale of the rows of ``values`` (T, C)."""
        gaps = np.isnan(values)
        if gaps.any():
            return cls._of_known(values, gaps)
        low, high = values.min(axis=0), values.max(axis=0)
        spread = high - low
        # what rounding alone leaves of a constant column is no deviation
        rounding = 4 * np.finfo(float).eps * np.maximum(np.abs(low), np.abs(high))
        varies = spread > rounding
        # squares of values within [0, 1] neither overflow nor vanish, whatever the unit
        unit = (values - low) / np.where(varies, spread, 1.0)
        return cls(
            mean=np.where(varies, low + spread * unit.mean(axis=0), values[-1]),
            deviation=np.where(varies, spread * unit.std(axis=0), 0.0),
            n_rows=len(values),
        )

    @classmethod
    def _of_known(cls, values: np.ndarray, gaps: np.ndarray) -> Self:
        """Return the scale of the values (T, C) that are there."""
        columns = [column[~gap] for column, gap in zip(values.T, gaps.T, strict=True)]
        scales = [
            cls.of(column[:, None] if len(column) else np.zeros((1, 1))) for column in columns
        ]
        return cls(
            mean=np.concatenate([scale.mean for scale in scales]),
            deviation=np.concatenate([scale.deviation for scale in scales]),
            n_rows=np.array([len(column) for column in columns]),
        )

    def extended(self, values: np.ndarray) -> Self:
        """Return the scale of the rows so far and of those of ``values`` (T, C) together.

        By the pairwise update of Chan, Golub & LeVeque, "Updating Formulae and a Pairwise
        Algorithm for Computing Sample Variances", 1979.
        """
        other = self.of(values)
        n_rows = self.n_rows + other.n_rows
        share = other.n_rows / np.maximum(n_rows, 1)
        step = other.mean - self.mean
        between = np.sqrt(share * (1 - share)) * np.abs(step)
        within = np.hypot(np.sqrt(1 - share) * self.deviation, np.sqrt(share) * other.deviation)
        return type(self)(self.mean + share * step, np.hypot(within, between), n_rows)

    def beside(self, other: "Scale") -> Self:
        """Return the scale of these columns and of other ones behind them."""
        counts = [np.broadcast_to(one.n_rows, one.mean.shape) for one in (self, other)]
        return type(self)(
            np.concatenate([self.mean, other.mean]),
            np.concatenate([self.deviation, other.deviation]),
            np.concatenate(counts),
        )

    def completed(self, other: "Scale") -> Self:
        """Take the scale of constant columns from another one."""
        constant = self.deviation == 0
        return dataclasses.replace(
            self,
            mean=np.where(constant, other.mean, self.mean),
            deviation=np.where(constant, other.deviation, self.deviation),
        )

    def transform(self, values: np.ndarray) -> np.ndarray:
        """Scale values (T, C) and round them to what the network computes in."""
        deviation = np.where(self.deviation == 0, 1.0, self.deviation)
        return ((values - self.mean) / deviation).astype(np.float32)

    def restore(self, values: np.ndarray) -> np.ndarray:
        """Scale values (..., C, A) back."""
        return values * self.deviation[:, None] + self.mean[:, None]


@dataclass(frozen=True)
class InstanceScaler:
    """The scale of every instance.

    Instances that were trained on keep their scale, because the weights belong to it. That of
    others goes on with their rows.
    """

    common: Scale
    """Of the rows of all instances trained on."""
    own: Mapping[Key, Scale] | None = None
    """Of each instance trained on; ``None`` where the common one holds for all."""
    later: Mapping[Key, Scale] = field(default_factory=dict)
    """Of each instance seen that was not trained on."""

    @classmethod
    def fit(cls, kind: Kind, rows: Mapping[Key, np.ndarray], n_columns: int) -> Self:
        """Make the scales of instances from the rows (T, C) that are trained on."""
        if kind is None or not n_columns:
            return cls(Scale.identity(n_columns))
        common = Scale.of(np.concatenate(list(rows.values())))
        if kind == "global":
            return cls(common)
        return cls(common, {key: Scale.of(values) for key, values in rows.items()})

    def of(self, key: Key) -> Scale:
        """Return the scale of an instance."""
        if self.own is None:
            return self.common
        return self.own.get(key) or self.later.get(key) or self.common

    def of_others(self, keys: Iterable[Key]) -> list[Key]:
        """Return those of ``keys`` whose scale goes on with their rows."""
        return [] if self.own is None else [key for key in keys if key not in self.own]

    def trained_on(self, rows: Mapping[Key, np.ndarray]) -> Self:
        """Return the scales after training on more rows (T, C): as before, where there are any.

        Columns that were constant, and instances that were not seen, get the scale of ``rows``.
        """
        if self.own is None:
            joint = np.concatenate(list(rows.values()))
            return dataclasses.replace(self, common=self.common.completed(Scale.of(joint)))
        own = {}
        for key, values in rows.items():
            scale, new = self.own.get(key) or self.later.get(key), Scale.of(values)
            own[key] = new if scale is None else scale.completed(new)
        later = {key: scale for key, scale in self.later.items() if key not in own}
        return dataclasses.replace(self, own={**self.own, **own}, later=later)

    def with_columns(self, kind: Kind, rows: Mapping[Key, np.ndarray], n_columns: int) -> Self:
        """Return the scales with those of further columns, of which rows (T, n_columns) are known.

        Instances without rows have the scale of all rows of these columns.
        """
        more = self.fit(kind, rows, n_columns)
        own, later = (
            None if of is None else {key: one.beside(more.of(key)) for key, one in of.items()}
            for of in (self.own, self.later)
        )
        return type(self)(self.common.beside(more.common), own, later or {})

    def having_seen(self, later: Mapping[Key, Scale]) -> Self:
        """Return the scales with those of instances that were not trained on."""
        return dataclasses.replace(self, later={**self.later, **later})

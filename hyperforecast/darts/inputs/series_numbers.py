"""Series by name: which of the series that have weights of their own each one is."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from darts import TimeSeries
from darts.utils.data import (
    SequentialTorchInferenceDataset,
    SequentialTorchTrainingDataset,
    TorchInferenceDataset,
    TorchTrainingDataset,
)


def series_name(series: TimeSeries, series_id: str | None) -> str:
    """Return what a series is known by.

    Parameters
    ----------
    series : TimeSeries
    series_id : str, optional
        Static covariate that names series; the component's name of a univariate one if not given.

    Raises
    ------
    ValueError
        If the series has no such static covariate, or several values of it; if none is named and
        the series has several components.
    """
    if series_id is None:
        if series.n_components > 1:
            raise ValueError(
                f"A series of {series.n_components} components has no name of its own. Say by "
                "series_id which static covariate names each series, or give univariate series, "
                "which are known by their component's name."
            )
        return str(series.components[0])
    static = series.static_covariates
    if static is None or series_id not in static.columns:
        given = "none" if static is None else ", ".join(map(repr, map(str, static.columns)))
        raise ValueError(
            f"series_id={series_id!r} names no static covariate of the series; it has: {given}. "
            "Add one with `with_static_covariates`, or with `group_cols` of "
            "`TimeSeries.from_group_dataframe`."
        )
    names = static[series_id].unique()
    if len(names) > 1:
        raise ValueError(
            f"The components of a series have several values of the static covariate "
            f"{series_id!r}: {', '.join(map(repr, map(str, names[:5])))}. It has to be one for all."
        )
    return str(names[0])


def names_of_series(series: Sequence[TimeSeries], series_id: str | None) -> list[str]:
    """Return the names of all series that are given to ``fit``.

    Raises
    ------
    ValueError
        If several series are given, and all have the same name.
    """
    names = [series_name(one, series_id) for one in series]
    if len(names) > 1 and len(set(names)) == 1:
        raise ValueError(
            f"All {len(names)} series are named {names[0]!r}, so weights cannot be told apart by "
            "series. Say by series_id which static covariate names them, or rename their "
            "components with `with_columns_renamed`."
        )
    return names


def check_factors(n_factors: int | None, series: Sequence[TimeSeries]) -> None:
    """Raise if common factors are asked for of series that have one component each.

    Parameters
    ----------
    n_factors : int, optional
    series : sequence of TimeSeries
        Given to ``fit``, where weights are by series.
    """
    if n_factors and series[0].n_components == 1:
        raise ValueError(
            f"n_factors={n_factors} asks for what the components of a series have in common, and "
            "each series has one. Series that share a time axis have common factors as components "
            "of one series: `darts.concatenate(series, axis='component')` with "
            "weights_by='channel', which gives each weights of its own, too (in sktime, a column "
            "for each instance). Or leave n_factors out."
        )


def numbers_of(names: Sequence[str], known: Sequence[str]) -> list[int]:
    """Return where names stand among those that are known.

    Raises
    ------
    ValueError
        If any is not known.
    """
    position = {name: number for number, name in enumerate(known)}
    added = [name for name in dict.fromkeys(names) if name not in position]
    if added:
        raise ValueError(
            f"The model has no weights for the series {', '.join(map(repr, added[:5]))}"
            f"{' ...' if len(added) > 5 else ''}: it was trained on {len(known)} series, "
            f"{', '.join(map(repr, known[:5]))}{' ...' if len(known) > 5 else ''}. Give series "
            "of these names, or train a new model with all of them."
        )
    return [position[name] for name in names]


class _Numbered:
    """What a dataset of several series adds to its samples: the number of the series.

    It stands behind the static covariates, one column more than the network has weights for.
    """

    numbers: Sequence[int]
    series: Sequence[TimeSeries]
    series_id: str | None
    uses_static_covariates_covariates: bool  # the name is Darts'
    _samples: Any

    def _number(self, dataset: Any, numbers: Sequence[int], series_id: str | None) -> None:
        self.__dict__.update(dataset.__dict__)
        self._samples = dataset
        self.numbers = list(numbers)
        self.series_id = series_id
        uses_static = self.uses_static_covariates_covariates
        self._kept = [
            kept_columns(one.static_covariates, series_id) if uses_static else []
            for one in self.series
        ]

    def numbered(self, sample: Any, number: int) -> Any:
        """Return a sample with the number of its series."""
        target, static = sample.past_target, sample.static_covariates
        column = np.full((target.shape[1], 1), self.numbers[number], dtype=target.dtype)
        kept = self._kept[number]
        if static is None or not kept:
            return replace(sample, static_covariates=column)
        static = static[:, kept].astype(target.dtype)
        static = np.broadcast_to(static, (len(column), static.shape[1]))
        return replace(sample, static_covariates=np.hstack([static, column]))

    def static_values(self, number: int) -> np.ndarray | None:
        """Return the static covariates of a series that the network has weights for."""
        kept = self._kept[number]
        if not kept:
            return None
        return self.series[number].static_covariates_values(copy=False)[:, kept].astype(np.float64)


class NumberedTraining(_Numbered, SequentialTorchTrainingDataset):
    """A training dataset whose samples say which series they are of.

    Parameters
    ----------
    dataset : TorchTrainingDataset
        Made of series.
    numbers : sequence of int
        Number of each series.
    series_id : str, optional
        Static covariate that names series, which is none of the network's.
    """

    def __init__(
        self, dataset: TorchTrainingDataset, numbers: Sequence[int], series_id: str | None
    ) -> None:
        self._number(dataset, numbers, series_id)

    def __getitem__(self, index: int) -> Any:
        return self.numbered(self._samples[index], index // self.max_samples_per_ts)


class NumberedInference(_Numbered, SequentialTorchInferenceDataset):
    """A dataset to forecast from whose samples say which series they are of.

    See :class:`NumberedTraining` for the parameters.
    """

    def __init__(
        self, dataset: TorchInferenceDataset, numbers: Sequence[int], series_id: str | None
    ) -> None:
        self._number(dataset, numbers, series_id)

    def __getitem__(self, index: int) -> Any:
        number = index
        if self.bounds is not None:
            number, _ = self._find_list_index(index, self.cum_lengths, self.bounds, self.stride)
        return self.numbered(self._samples[index], number)


def without_column(static: pd.DataFrame | None, name: str | None) -> pd.DataFrame | None:
    """Return static covariates without a column; ``None`` if none is left."""
    if static is None or name is None or name not in static.columns:
        return static
    others = static.drop(columns=name)
    return others if len(others.columns) else None


def unnamed(series: TimeSeries, series_id: str) -> TimeSeries:
    """Return a series without the static covariate that it is known by, if it has it."""
    static = series.static_covariates
    if static is None or series_id not in static.columns:
        return series
    return series.with_static_covariates(without_column(static, series_id))


def kept_columns(static: pd.DataFrame | None, series_id: str | None) -> list[int]:
    """Return which columns of the static covariates are not what series are known by."""
    if static is None:
        return []
    return [i for i, column in enumerate(static.columns) if column != series_id]

"""Series with missing values: how they are filled for training, and what is left as it is."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from darts import TimeSeries
from darts.utils.data import SequentialTorchTrainingDataset
from darts.utils.data.torch_datasets.utils import TorchTrainingSample
from torch import Tensor

from hyperforecast.darts.inputs.training_data import as_tensor
from hyperforecast.nn.exact import MeanDeviation
from hyperforecast.nn.series.gap_filler import GapFiller


class GappyTrainingDataset(SequentialTorchTrainingDataset):
    """Windows of series with gaps: inputs are filled, targets are NaN where they are missing.

    Attributes
    ----------
    series : sequence of TimeSeries
        Filled.
    observed : sequence of TimeSeries
        As they were given.

    Parameters
    ----------
    filled : SequentialTorchTrainingDataset
        Of the filled series.
    observed : sequence of TimeSeries
    """

    def __init__(
        self, filled: SequentialTorchTrainingDataset, observed: Sequence[TimeSeries]
    ) -> None:
        self.__dict__.update(filled.__dict__)
        self.observed = list(observed)
        self._targets = copy.copy(filled)
        self._targets.series = self.observed

    def __getitem__(self, index: int) -> TorchTrainingSample:
        """Return a window by its number."""
        target = self._targets[index].future_target
        return replace(super().__getitem__(index), future_target=target)


def has_gaps(series: TimeSeries) -> bool:
    """Say whether values of a series are missing."""
    return bool(np.isnan(series.all_values(copy=False)).any())


def filler_of(
    series: Sequence[TimeSeries], lookback: int, own_units: bool = False
) -> GapFiller | None:
    """Return what has learned from series how to fill their gaps; ``None`` where there are none.

    See :func:`learned_filler`.
    """
    return learned_filler(series, lookback, own_units) if any(map(has_gaps, series)) else None


def learned_filler(
    series: Sequence[TimeSeries], lookback: int, own_units: bool = False
) -> GapFiller:
    """Return what has learned from series how to fill gaps, of these or of others.

    Parameters
    ----------
    series : sequence of TimeSeries
    lookback : int
    own_units : bool, default=False
        Whether it knows, and fills, series in units of their own: whose levels and scales say
        nothing of the others'.
    """
    filler = GapFiller(series[0].n_components, lookback).double()
    rows = [as_tensor(one.values(copy=False)) for one in series]
    if own_units:
        rows = [_units(one).standardise(one.double()) for one in rows]
    filler.start_from(rows)
    return filler


def filled(series: TimeSeries, filler: GapFiller, own_units: bool = False) -> TimeSeries:
    """Return a series whose gaps are filled from both sides; see :func:`filler_of`."""
    if not has_gaps(series):
        return series
    values = series.all_values(copy=True)  # (T, C, samples)
    for number in range(values.shape[2]):
        sample = as_tensor(values[..., number].astype(np.float64))
        if own_units:
            units = _units(sample)
            found = filler.fill_series(units.standardise(sample)) * units.deviation + units.mean
            sample = torch.where(sample.isnan(), found, sample)
        else:
            sample = filler.fill_series(sample)
        values[..., number] = sample.numpy()
    return series.with_values(values)


def _units(rows: Tensor) -> MeanDeviation:
    """Return mean and deviation of what is there of each column, (C,) each."""
    return MeanDeviation.of([rows.double()])


def interpolated(series: TimeSeries) -> TimeSeries:
    """Return covariates with straight lines over gaps, and the nearest values at both ends.

    A component without any value stays as it is.
    """
    if not has_gaps(series):
        return series
    values = series.all_values(copy=True)
    rows = np.arange(len(values))
    for column in np.ndindex(values.shape[1:]):
        of_column: Any = values[(slice(None), *column)]
        there = ~np.isnan(of_column)
        if there.any():
            of_column[~there] = np.interp(rows[~there], rows[there], of_column[there])
    return series.with_values(values)

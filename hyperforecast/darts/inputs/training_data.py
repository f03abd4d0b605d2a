"""What a training dataset of Darts holds."""

from collections.abc import Sequence

import numpy as np
import torch
from darts import TimeSeries
from darts.utils.data import TorchInferenceDataset, TorchTrainingDataset
from torch import Tensor

from hyperforecast.darts.inputs.names import ALONG_TIME, InputKind
from hyperforecast.darts.inputs.phases import without_phases


def training_series(dataset: TorchTrainingDataset) -> Sequence[TimeSeries] | None:
    """Return the target series of a dataset that keeps them, as Darts' own do."""
    return _kept(dataset, "series")


def names_of(dataset: TorchTrainingDataset | TorchInferenceDataset) -> dict[InputKind, list[str]]:
    """Return the names of a dataset's inputs; none where it does not keep its series."""
    names: dict[InputKind, list[str]] = {}
    series = _kept(dataset, "series")
    if series is not None:
        names["channels"] = list(map(str, series[0].components))
        # the attribute's name is Darts'
        if getattr(dataset, "uses_static_covariates_covariates", False):
            columns = list(map(str, series[0].static_covariates.columns))
            series_id = getattr(dataset, "series_id", None)
            if kept := [column for column in columns if column != series_id]:
                names["static_covariates"] = kept
    for kind in ALONG_TIME:
        covariates = _kept(dataset, kind)
        known = None if covariates is None else without_phases(covariates[0])
        if known is not None:
            names[kind] = list(map(str, known.components))
    return names


def training_values(dataset: TorchTrainingDataset, max_windows: int = 512) -> list[Tensor]:
    """Return the target values of a training dataset, each (T, C), NaN where they are missing.

    Of a dataset that does not keep its series, evenly spread windows are taken.
    """
    series = _kept(dataset, "observed") or training_series(dataset)
    if series is not None:
        return [as_tensor(one.values(copy=False)) for one in series]
    stride = max(1, len(dataset) // max_windows)
    return [as_tensor(dataset[i].past_target) for i in range(0, len(dataset), stride)]


def training_past_covariates(dataset: TorchTrainingDataset) -> list[Tensor]:
    """Return what a network is given as past covariates, each (T, n); none of unknown series."""
    given = [values for kind in ALONG_TIME if (values := _kept(dataset, kind)) is not None]
    known = [[without_phases(one) for one in several] for several in given]
    kept = [[one for one in several if one is not None] for several in known]
    return [
        as_tensor(np.concatenate([one.values(copy=False)[:rows] for one in several], axis=1))
        for several in zip(*filter(None, kept), strict=True)
        for rows in (min(map(len, several)),)
    ]


def as_tensor(values: np.ndarray) -> Tensor:
    """Return an array as a tensor; rows that stand in memory in reverse are copied.

    Those of a series made from a table in newest-first order do, and torch has no negative strides.
    """
    return torch.as_tensor(np.ascontiguousarray(values))


def _kept(
    dataset: TorchTrainingDataset | TorchInferenceDataset, kind: str
) -> Sequence[TimeSeries] | None:
    series = getattr(dataset, kind, None)
    if isinstance(series, Sequence) and series and isinstance(series[0], TimeSeries):
        return series
    return None

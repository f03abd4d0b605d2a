"""The series of a Darts dataset, as the exact solver takes them."""

from typing import Any

import numpy as np
import torch
from darts import TimeSeries
from darts.utils.data import SequentialTorchTrainingDataset
from darts.utils.utils import n_steps_between
from torch import Tensor

from hyperforecast.nn.exact import MomentHistory, ObservedSeries


def observed_series(
    dataset: SequentialTorchTrainingDataset,
    device: torch.device,
    history: MomentHistory | None = None,
) -> list[ObservedSeries]:
    """Return the series of a dataset, with their covariates over the same rows."""
    width = dataset.size_of_both_chunks
    observed = []
    for i, series in enumerate(dataset.series):
        if len(series) < width:
            continue
        first = max(0, len(series) - width + 1 - dataset.max_samples_per_ts)
        if first:  # slicing takes longer than all else that is done here
            series = series[first:]
        past, future = (
            None if covariates is None else covariates[i]
            for covariates in (dataset.past_covariates, dataset.future_covariates)
        )
        # past covariates are seen in the lookback alone, and need not reach beyond the last one
        beyond = width - dataset.input_chunk_length
        known_past = [
            _rows(one, series, name, missing)
            for one, name, missing in (
                (past, "past_covariates", beyond),
                (future, "future_covariates", 0),
            )
            if one is not None
        ]
        static = None
        if dataset.uses_static_covariates_covariates:
            values = series.static_covariates_values(copy=False)
            static = _tensor(np.broadcast_to(values, (series.n_components, values.shape[1])).copy())
        start = None
        if history is not None:
            history.origin = series.start_time() if history.origin is None else history.origin
            start = n_steps_between(series.start_time(), history.origin, series.freq)
        one = ObservedSeries(
            target=_tensor(series.values(copy=False)),
            past=torch.cat(known_past, dim=1) if known_past else None,
            future=None if future is None else known_past[-1],
            static=static,
            start=start,
        )
        observed.append(one.to(device))
    return observed


def _rows(covariates: TimeSeries, series: TimeSeries, name: str, missing: int) -> Tensor:
    """Return the rows of covariates at a series' times; up to ``missing`` at the end repeat."""
    skip = n_steps_between(series.start_time(), covariates.start_time(), series.freq)
    values = covariates.values(copy=False)[max(skip, 0) : skip + len(series)]
    if skip < 0 or len(values) < len(series) - missing:
        raise ValueError(
            f"`{name}` must cover the series that they belong to, from {series.start_time()} to "
            f"{series.end_time()}; they reach from {covariates.start_time()} to "
            f"{covariates.end_time()}."
        )
    rows = _tensor(values)
    return torch.cat([rows, rows[-1:].expand(len(series) - len(rows), -1)])


def _tensor(values: Any) -> Tensor:
    return torch.as_tensor(np.asarray(values, dtype=np.float64))

"""The series of a Darts dataset, as the exact solver takes them."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import torch
from darts import TimeSeries
from darts.utils.data import SequentialTorchTrainingDataset
from darts.utils.utils import n_steps_between
from torch import Tensor, nn

from hyperforecast.darts.inputs.gaps import interpolated
from hyperforecast.darts.inputs.phases import PHASE, first_phase, without_phases
from hyperforecast.darts.inputs.series_numbers import NumberedTraining
from hyperforecast.darts.inputs.training_data import as_tensor
from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.exact import Cycles, MomentHistory, ObservedSeries, write_cycles


def observed_series(
    dataset: SequentialTorchTrainingDataset,
    device: torch.device,
    history: MomentHistory | None = None,
    numbers: Iterable[int] | None = None,
) -> list[ObservedSeries]:
    """Return the series of a dataset, with their covariates over the same rows.

    Each says where in time it begins, counted in its own steps from the first one's begin, or from
    the origin of the history.

    Parameters
    ----------
    dataset : SequentialTorchTrainingDataset
    device : torch.device
    history : MomentHistory, optional
    numbers : iterable of int, optional
        Which series; if not given all that have a window, and those told apart by number.
    """
    width = dataset.size_of_both_chunks
    origin = None if history is None else history.origin
    observed = []
    given = getattr(dataset, "observed", dataset.series)
    if numbers is None:  # a series too short for weights of its own has units of its own
        enough = 0 if isinstance(dataset, NumberedTraining) else width
        numbers = (i for i, series in enumerate(dataset.series) if len(series) >= enough)
    n_rows = width + (dataset.max_samples_per_ts - 1) * dataset.stride
    for i in numbers:
        series = dataset.series[i]
        gaps = None
        if given[i] is not series:
            gaps = as_tensor(np.isnan(given[i].values(copy=False)))[-n_rows:]
        if len(series) > n_rows:  # slicing takes longer than all else that is done here
            series = series[-n_rows:]
        past, future = (
            None if covariates is None else interpolated(covariates[i])
            for covariates in (dataset.past_covariates, dataset.future_covariates)
        )
        phase = None
        if future is not None and PHASE in future.components:
            phase, future = first_phase(future, series), without_phases(future)
        # past covariates are seen in the lookback alone, and need not reach beyond the last one
        beyond = width - dataset.input_chunk_length
        known_past = [
            covariate_rows(one, series, name, missing)
            for one, name, missing in (
                (past, "past_covariates", beyond),
                (future, "future_covariates", 0),
            )
            if one is not None
        ]
        static = None
        values = None
        if isinstance(dataset, NumberedTraining):
            values = dataset.static_values(i)
        elif dataset.uses_static_covariates_covariates:
            values = series.static_covariates_values(copy=False)
        if values is not None:
            static = _tensor(np.broadcast_to(values, (series.n_components, values.shape[1])).copy())
        begin = series.start_time()
        origin = begin if origin is None else origin
        # dates and numbers may be mixed, and have no time in common then
        comparable = isinstance(begin, pd.Timestamp) == isinstance(origin, pd.Timestamp)
        start = n_steps_between(begin, origin, series.freq) if comparable else None
        one = ObservedSeries(
            target=_tensor(series.values(copy=False)),
            past=torch.cat(known_past, dim=1) if known_past else None,
            future=None if future is None else known_past[-1],
            static=static,
            start=start,
            weight=_weights(dataset, i, series),
            counts=_counts(len(series), width, dataset.stride),
            channels=_channels(dataset, i),
            gaps=gaps,
            phase=phase,
        )
        observed.append(one.to(device))
    if history is not None:
        history.origin = origin
    return observed


def start_cycles(network: ForecastingNetwork, dataset: SequentialTorchTrainingDataset) -> None:
    """Let the cycles of a network start at the means of phases over the rows of a dataset."""
    assert network.periods
    assert network.cycle is not None
    series = observed_series(dataset, torch.device("cpu"))
    write_cycles(network, Cycles.of(series, network.periods, len(network.cycle.values[0])))


def n_windows(dataset: SequentialTorchTrainingDataset, number: int) -> int:
    """Return how many windows of a series count."""
    n_steps = len(dataset.series[number]) - dataset.size_of_both_chunks
    return max(0, min(n_steps // dataset.stride + 1, dataset.max_samples_per_ts))


def _channels(dataset: SequentialTorchTrainingDataset, number: int) -> Tensor | None:
    """Return which channels, of all series, those of one are; ``None`` where all have the same."""
    if not isinstance(dataset, NumberedTraining):
        return None
    n_channels = dataset.series[number].n_components
    return dataset.numbers[number] * n_channels + torch.arange(n_channels)


def counts_alike(dataset: SequentialTorchTrainingDataset) -> bool:
    """Say whether every window counts, and every step of it the same."""
    return dataset.sample_weight is None and dataset.stride == 1


def _weights(
    dataset: SequentialTorchTrainingDataset, number: int, series: TimeSeries
) -> Tensor | None:
    """Return the sample weights of a series' rows, if it has any."""
    if dataset.sample_weight is None:
        return None
    weight = dataset.sample_weight[number]
    skip = n_steps_between(series.start_time(), weight.start_time(), series.freq)
    rows = _tensor(weight.values(copy=False))[max(skip, 0) : skip + len(series)]
    if skip < 0 or len(rows) < len(series):
        # the first lookback rows are forecast in no window
        missing = dataset.size_of_both_chunks - dataset.output_chunk_length
        if -skip > missing or skip + len(series) > len(weight):
            raise ValueError(
                f"`sample_weight` must cover the rows that are forecast, from "
                f"{series.time_index[missing]} to {series.end_time()}; it reaches from "
                f"{weight.start_time()} to {weight.end_time()}."
            )
        rows = nn.functional.pad(rows, (0, 0, len(series) - len(rows), 0), value=1.0)
    wrong = torch.nonzero(~(rows >= 0) | rows.isinf())
    if len(wrong):
        row, column = wrong[0].tolist()
        raise ValueError(
            f"`sample_weight` must be finite and not negative; it is {rows[row, column].item()} at "
            f"{series.time_index[row]}."
        )
    return rows


def _counts(n_rows: int, width: int, stride: int) -> Tensor | None:
    """Return whether the window that begins in each row counts: every n-th from the last one."""
    if stride == 1:
        return None
    starts = torch.arange(n_rows)
    return (starts <= n_rows - width) & ((n_rows - width - starts) % stride == 0)


def covariate_rows(
    covariates: TimeSeries, series: TimeSeries, name: str, missing: int = 0
) -> Tensor:
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
    return as_tensor(np.asarray(values, dtype=np.float64))

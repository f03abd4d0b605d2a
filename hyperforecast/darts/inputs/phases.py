"""Phases of periods: one more covariate that is known ahead, made from the time index."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from darts import TimeSeries
from darts.utils.data import TorchInferenceDataset, TorchTrainingDataset
from darts.utils.utils import n_steps_between

from hyperforecast.automatic import (
    occurring,
    period_of_rows,
    periods_of_frequency,
    place_in_time,
)
from hyperforecast.nn.layers.cycle import repeat_of

PHASE = "phase of the periods"
"""Component of future covariates that holds the phase; behind all others."""

MAX_REPEAT = 2**24
"""Number of phases that float32 tells apart."""


def check_periods(periods: Any) -> None:
    """Raise if periods, which are ``None``, a word or whole numbers, do not go together."""
    if periods is None or isinstance(periods, str):
        return
    given = given_periods(periods)
    if not given or len(set(given)) < len(given):
        raise ValueError(
            f"periods must be different numbers of steps, at least one; got {periods!r}. Leave it "
            "out for none."
        )
    if repeat_of(given) > MAX_REPEAT:
        raise ValueError(
            f"periods={periods!r} begin anew together after {repeat_of(given)} steps only, of "
            f"which at most {MAX_REPEAT} can be told apart. Choose periods that divide each other."
        )


def given_periods(periods: Any) -> tuple[int, ...]:
    """Return the periods that an option names, ascending; none of ``"auto"``."""
    if isinstance(periods, str):
        return ()
    return (periods,) if isinstance(periods, int) else tuple(sorted(periods))


def periods_in(
    given: Any, series: Sequence[TimeSeries], suggested: tuple[int, ...] | None = None
) -> tuple[int, ...]:
    """Return the periods of training series, ascending.

    Parameters
    ----------
    given : "auto", int or sequence of int
        ``"auto"`` stands for those that the index suggests, or else the rows.
    series : sequence of TimeSeries
    suggested : tuple of int, optional
        What is known of the index beside.

    Raises
    ------
    ValueError
        If a period that is given does not fit twice into any series.
    """
    n_rows = max(map(len, series))
    if isinstance(given, str):
        found = periods_of_frequency(series[0].freq) if suggested is None else suggested
        if found is None:
            of_rows = period_of_rows([one.values(copy=False) for one in series])
            found = () if of_rows is None else (of_rows,)
        return occurring(found, n_rows)
    periods = given_periods(given)
    if 2 * periods[-1] > n_rows:
        raise ValueError(
            f"periods names {periods[-1]} steps, which do not fit twice into the longest training "
            f"series: it has {n_rows} rows. Give more rows, or leave the period out."
        )
    return periods


def with_phases(
    covariates: Sequence[TimeSeries] | None,
    series: Sequence[TimeSeries],
    repeat: int,
    n_ahead: int = 0,
) -> list[TimeSeries]:
    """Return future covariates with a last component of phases.

    Parameters
    ----------
    covariates : sequence of TimeSeries, optional
        Without any, phases over each series and ``n_ahead`` further steps alone.
    series : sequence of TimeSeries
    repeat : int
        Number of phases.
    n_ahead : int, default=0
    """
    if covariates is not None:
        return [
            one.stack(_phases(one.time_index, one.freq, repeat, one.dtype)) for one in covariates
        ]
    return [
        _phases(_extended(one.time_index, one.freq, n_ahead), one.freq, repeat, one.dtype)
        for one in series
    ]


def check_phases(dataset: TorchTrainingDataset | TorchInferenceDataset) -> None:
    """Raise if a dataset's last future covariate is not the phase."""
    future = getattr(dataset, "future_covariates", None)
    if not future or str(future[0].components[-1]) != PHASE:
        raise ValueError(
            "A model with periods makes datasets itself, with the phase behind the future "
            "covariates. Call `fit` and `predict` with series, or leave periods out."
        )


def first_phase(covariates: TimeSeries, series: TimeSeries) -> int:
    """Return the phase of the first row of a series, by its future covariates."""
    row = n_steps_between(series.start_time(), covariates.start_time(), series.freq)
    return int(covariates.values(copy=False)[0, -1]) + row


def without_phases(covariates: TimeSeries) -> TimeSeries | None:
    """Return future covariates without the phases; ``None`` if none are left."""
    names = [name for name in covariates.components if name != PHASE]
    if len(names) == covariates.n_components:
        return covariates
    return covariates[names] if names else None


def phase_of(series: TimeSeries, repeat: int) -> int:
    """Return the phase of the first row of a series, of a number of phases."""
    return place_in_time(series.time_index[0], series.freq) % repeat


def _phases(index: pd.Index, step: Any, repeat: int, dtype: Any) -> TimeSeries:
    phases = (place_in_time(index[0], step) + np.arange(len(index))) % repeat
    return TimeSeries.from_times_and_values(
        index, phases.astype(dtype)[:, None], freq=step, columns=[PHASE]
    )


def _extended(index: pd.Index, step: Any, n_ahead: int) -> pd.Index:
    if isinstance(index, pd.RangeIndex):
        return pd.RangeIndex(index.start, index.start + (len(index) + n_ahead) * step, step)
    return pd.date_range(index[0], periods=len(index) + n_ahead, freq=step)

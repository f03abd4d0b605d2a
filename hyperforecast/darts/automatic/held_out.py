"""Rows that candidates are compared on, and their errors there."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from darts import TimeSeries
from darts.utils.utils import n_steps_between
from torch import Tensor

from hyperforecast.darts.inputs.gaps import filled, has_gaps, learned_filler
from hyperforecast.darts.inputs.series_numbers import series_name, unnamed
from hyperforecast.darts.inputs.training_data import as_tensor
from hyperforecast.nn.exact.choice.selection_rule import LEAST_GAIN
from hyperforecast.nn.exact.uncertainty.drift import damped_drift, damped_drift_of
from hyperforecast.nn.exact.uncertainty.standard_error import (
    exceeds_error_over_time,
    exceeds_standard_error,
    standard_errors,
)
from hyperforecast.nn.exact.windows.distinct_series import number_of_each
from hyperforecast.nn.series.gap_filler import GapFiller

MAX_TIMES, MIN_TIMES, MAX_WINDOWS = 512, 64, 2048
"""Numbers of points in time that windows begin at, at most, and at least where they have many
values, and most windows of all series together."""

MAX_VALUES = 2**22
"""Number of values in the windows of one series."""


class Lengths(NamedTuple):
    """Lengths of windows."""

    lookback: int
    horizon: int
    shift: int

    @property
    def width(self) -> int:
        """Rows that a window spans."""
        return sum(self)

    def n_windows(self, n_rows: int) -> int:
        """Return how many windows a number of rows holds."""
        return max(n_rows - self.width + 1, 0)


@dataclass(frozen=True)
class Observed:
    """Series with what belongs to them, one of each kind for each series, or none.

    A static covariate may say what series are known by, ``series_id``.
    """

    series: Sequence[TimeSeries]
    past_covariates: Sequence[TimeSeries] | None = None
    future_covariates: Sequence[TimeSeries] | None = None
    sample_weight: Sequence[TimeSeries] | str | None = None
    series_id: str | None = None

    @cached_property
    def unnamed(self) -> "Observed":
        """The same without the names of series, for models that do not tell them apart by these."""
        if self.series_id is None:
            return self
        series = [unnamed(one, self.series_id) for one in self.series]
        return replace(self, series=series, series_id=None)

    @cached_property
    def names(self) -> list[str] | None:
        """What each series is known by; ``None`` where that does not tell them apart."""
        if self.series_id is None and self.series[0].n_components > 1:
            return None
        names = [series_name(one, self.series_id) for one in self.series]
        return names if len(set(names)) > 1 else None

    @property
    def has_names_alone(self) -> bool:
        """Whether the names of series are their only static covariate."""
        given, without = (one.series[0].static_covariates for one in (self, self.unnamed))
        return given is not None and without is None

    def inputs(self, prefix: str = "") -> dict[str, Any]:
        """Return the arguments of a forecast, or with ``"val_"`` those to validate on."""
        names = ("series", "past_covariates", "future_covariates")
        given = {name: getattr(self, name) for name in names}
        return {f"{prefix}{name}": list(v) for name, v in given.items() if v is not None}

    def to_fit(self) -> dict[str, Any]:
        """Return the arguments of a fit."""
        weight = {} if self.sample_weight is None else {"sample_weight": self.sample_weight}
        return {**self.inputs(), **weight}

    def of(self, numbers: Sequence[int], series: Sequence[TimeSeries]) -> "Observed":
        """Return parts of the series of some numbers, with what belongs to these."""

        def some(values: Any) -> Any:
            return (
                values
                if values is None or isinstance(values, str)
                else [values[i] for i in numbers]
            )

        return Observed(
            series,
            some(self.past_covariates),
            some(self.future_covariates),
            some(self.sample_weight),
            self.series_id,
        )


def split(data: Observed, lengths: Lengths, size: float) -> tuple[Observed, Observed]:
    """Split series by time as the exact solver does: the targets of the parts do not overlap.

    Parameters
    ----------
    data : Observed
    lengths : Lengths
    size : float
        Part of the windows of each series to hold out, the last ones.

    Returns
    -------
    training, held_out : Observed
        Series too short for a window in both parts are used for training alone.
    """
    parts: list[list[tuple[int, TimeSeries]]] = [[], []]
    for number, one in enumerate(data.series):
        first, end = held_out_rows(len(one), lengths.lookback + lengths.shift, lengths.width, size)
        if end >= lengths.width:
            parts[0].append((number, one[:end]))
        if first < len(one):
            parts[1].append((number, one[first:]))
    training, held_out = (data.of([n for n, _ in part], [s for _, s in part]) for part in parts)
    return training, held_out


class HeldOutWindows:
    """Windows that candidates are compared on: where they lie, and the errors there.

    Evenly spread in time, the same points in time for all series. Values that are missing count
    for nothing: there the error is zero, and all others are larger by as much as keeps the mean of
    squares that of the values that are there.

    Parameters
    ----------
    data : Observed
        Series that hold nothing but these windows.
    lengths : Lengths
    variances : array, shape (C,) or (S, C)
        The units of squared errors, of all series or of each; see :func:`units_of`.
    filler : GapFiller, optional
        What fills the windows of naive forecasts, and the rows of a drift; see
        :func:`filler_before`. Models fill their own.
    """

    def __init__(
        self,
        data: Observed,
        lengths: Lengths,
        variances: np.ndarray,
        filler: GapFiller | None = None,
    ) -> None:
        self.lengths = lengths
        self.variances = np.broadcast_to(variances, (len(data.series), np.shape(variances)[-1]))
        self.filler = filler
        n_windows = [lengths.n_windows(len(one)) for one in data.series]
        begins = _begins(data.series)
        times = [b + np.arange(n) for b, n in zip(begins, n_windows, strict=True)]
        distinct = np.unique(np.concatenate(times)) if times else np.array([], dtype=int)
        self.n_apart = len(distinct) // lengths.horizon
        self.n_held_out = len(distinct)
        self.stride = self._stride(len(distinct), sum(n_windows))
        # windows begin at multiples of the stride
        numbers, kept, self._times = [], [], []
        for number, (one, some) in enumerate(zip(data.series, times, strict=True)):
            skipped = int(-some[0] % self.stride) if len(some) else 0
            if skipped < len(some):
                numbers.append(number)
                kept.append(one[skipped:])
                self._times.append(torch.from_numpy(some[skipped :: self.stride]))
        self.data = data.of(numbers, kept)
        variances = self.variances[numbers]
        self._units = np.sqrt(np.where(variances > 0, variances, np.inf))
        counts = torch.tensor([len(some) for some in self._times], dtype=torch.long)
        same = number_of_each([one.values(copy=False).tobytes() for one in kept])
        self.times = torch.cat(self._times) if kept else counts
        self.series = torch.tensor(same, dtype=torch.long).repeat_interleave(counts)

    def _stride(self, n_times: int, n_windows: int) -> int:
        values = self.variances.shape[1] * self.lengths.width
        n_taken = min(MAX_TIMES, max(MIN_TIMES, MAX_VALUES // values))
        return max(1, -(-n_times // n_taken), -(-n_windows // MAX_WINDOWS))

    def residuals_of_map(
        self, linear_map: np.ndarray, *, drift: bool = False, before: Observed | None = None
    ) -> Tensor:
        """Return the errors (C, T, H) of a map of the window, or of a drift.

        Parameters
        ----------
        linear_map : array, shape (H, L)
        drift : bool, default=False
            Whether forecasts move on by the damped drift.
        before : Observed, optional
            Rows whose drift that is; those up to each window's last one if not given.
        """
        forecasts = []
        ahead = self.lengths.shift + 1 + np.arange(self.lengths.horizon)
        known = None if before is None else drift_of([self._filled(one) for one in before.series])
        for one in self.data.series:
            forecast = self._inputs(one) @ linear_map.T
            if drift:
                change = self._drift_so_far(one) if known is None else known
                forecast = forecast + change[..., None] * ahead
            forecasts.append(forecast)
        return self._residuals(forecasts)

    def _drift_so_far(self, series: TimeSeries) -> np.ndarray:
        """Return the damped drift of each channel up to each window's last row: (windows, C)."""
        changes, known = _changes(self._filled(series)), self._last_rows(series)
        sums, squares = (
            torch.cat([one.new_zeros(1, one.shape[1]), one.cumsum(dim=0)])[known]
            for one in (changes, changes.square())
        )
        return damped_drift(known[:, None], sums, squares).numpy()

    def drift_goes_on(self, last_value: np.ndarray) -> bool:
        """Say whether a drift is clearly better than the last value, one stretch after another.

        Each window has the drift of the rows up to its last one, at least half of all. So a
        drift has to have gone on several times, where a comparison on the last rows sees one time,
        which channels that move together tell as if it were many.

        Parameters
        ----------
        last_value : array, shape (H, L)
            Map of the last value.
        """
        late = torch.tensor(
            [w for one in self.data.series for w in self._late(one)], dtype=torch.bool
        )
        times = self.times[late]
        if not len(times):
            return False
        last = squared(self.residuals_of_map(last_value))[:, late]
        saved = last - squared(self.residuals_of_map(last_value, drift=True))[:, late]
        n_apart = int(times.max() - times.min() + 1) // self.lengths.horizon
        gains_enough = saved.mean().item() > LEAST_GAIN * last.mean().item()
        return gains_enough and exceeds_error_over_time(saved, times, n_apart)

    def _late(self, series: TimeSeries) -> list[bool]:
        """Say of each window whether half of the rows come up to its last one."""
        return (2 * (self._last_rows(series) + 1) >= len(series)).tolist()

    def _last_rows(self, series: TimeSeries) -> Tensor:
        """Return the number of the last row of each window's inputs, (windows,)."""
        begins = torch.arange(0, self.lengths.n_windows(len(series)), self.stride)
        return begins + self.lengths.lookback - 1

    def residuals_of(self, model: Any) -> Tensor:
        """Return the errors (C, T, H) of a trained Darts model."""
        data = self.data if model.weights_by != "channel" else self.data.unnamed
        forecasts = model.historical_forecasts(
            forecast_horizon=self.lengths.horizon,
            stride=self.stride,
            retrain=False,
            last_points_only=False,
            verbose=False,
            show_warnings=False,
            **data.inputs(),
        )
        return self._residuals(
            [np.stack([w.values(copy=False).T for w in of_one]) for of_one in forecasts]
        )

    def gain(self, reference: Tensor, errors: Tensor) -> "Gain":
        """Return what errors (C, T) save of those of a reference."""
        level = reference.mean().item()
        if not level > 0:
            return Gain(0.0, 0.0, False)
        saved = (reference - errors) / level
        where = (self.times, self.series, self.n_apart)
        gain = saved.mean().item()
        found = standard_errors(saved, *where)
        clear = gain > LEAST_GAIN and exceeds_standard_error(saved, *where)
        return Gain(gain, found[0] if found else float("inf"), clear)

    def gains_over_time(self, reference: Tensor, errors: Tensor) -> bool:
        """Say whether errors (C, T) are lower than a reference's in one stretch after another.

        Blocks of time alone count, see :func:`exceeds_error_over_time`.
        """
        return exceeds_error_over_time(reference - errors, self.times, self.n_apart)

    def _filled(self, series: TimeSeries) -> TimeSeries:
        return series if self.filler is None else filled(series, self.filler)

    def _inputs(self, series: TimeSeries) -> np.ndarray:
        """Return what each window begins with, its gaps filled: (windows, C, L)."""
        windows = self._windows(series, 0, self.lengths.lookback)
        return windows if self.filler is None else self.filler(as_tensor(windows)).numpy()

    def _windows(self, series: TimeSeries, first: int, length: int) -> np.ndarray:
        """Return some rows of each window, from its ``first`` one on: (windows, C, length)."""
        values = series.values(copy=False).astype(np.float64)[first:]
        windows = np.lib.stride_tricks.sliding_window_view(values, length, axis=0)
        # as a view, products with them take many times as long
        return windows[: self.lengths.n_windows(len(series)) : self.stride].copy()

    def _residuals(self, forecasts: Sequence[np.ndarray]) -> Tensor:
        """Return errors (C, T, H) in units of deviations in training."""
        lengths = self.lengths
        residuals = []
        for one, forecast, units in zip(self.data.series, forecasts, self._units, strict=True):
            ahead = self._windows(one, lengths.lookback + lengths.shift, lengths.horizon)
            errors = (ahead - forecast) / units[:, None]  # (windows, C, H)
            residuals.append(errors.transpose(1, 0, 2))
        found = np.concatenate(residuals, axis=1)
        missing = np.isnan(found)
        share = 1.0 - missing.mean()
        return torch.from_numpy(np.where(missing, 0.0, found / np.sqrt(share or 1.0)))


def squared(residuals: Tensor) -> Tensor:
    """Return squared errors (C, T), means over the steps of (C, T, H)."""
    return residuals.square().mean(dim=2)


class Gain(NamedTuple):
    """The part of an error that is saved, its standard error, and whether that is clear.

    By the rule of the exact solver: more than one per cent, and more than one standard error, over
    blocks of time or over channels.
    """

    gain: float
    standard_error: float
    clear: bool

    @property
    def is_loss(self) -> bool:
        """Whether there is more error, as far as one digit of per cent tells."""
        return round(100 * self.gain, 1) < 0

    @property
    def size(self) -> str:
        """How much is gained, or lost, and the standard error if there is one."""
        size = f"{abs(100 * self.gain):.1f} %"
        if math.isinf(self.standard_error):  # of one block of time, and few channels
            return size
        return f"{size} ± {100 * self.standard_error:.1f} %"


def variances_of(series: Sequence[TimeSeries]) -> np.ndarray:
    """Return the variance of each channel over the values of all series, (C,); 0 of none."""
    rows = np.concatenate([one.values(copy=False).astype(np.float64) for one in series])
    return np.ma.masked_invalid(rows).var(axis=0).filled(0.0)


def units_of(held_out: Observed, training: Observed) -> np.ndarray:
    """Return the units of squared errors on series held out, (S, C).

    The variances of the same series in training where series are known by names, or those of large
    values would decide for all; of the rows of all series where they are not, or for a series that
    was not trained on.
    """
    of_all = variances_of(training.series)
    if training.names is None:
        return np.tile(of_all, (len(held_out.series), 1))
    named: dict[str, list[TimeSeries]] = {}
    for name, one in zip(training.names, training.series, strict=True):
        named.setdefault(name, []).append(one)
    of_name = {name: variances_of(some) for name, some in named.items()}
    names = [series_name(one, training.series_id) for one in held_out.series]
    return np.reshape([of_name.get(name, of_all) for name in names], (-1, len(of_all)))


def filler_before(held_out: Observed, training: Observed, lookback: int) -> GapFiller | None:
    """Return what fills gaps by what training rows say of them; ``None`` where none are."""
    gappy = any(map(has_gaps, (*held_out.series, *training.series)))
    return learned_filler(training.series, lookback) if gappy else None


def drift_of(series: Sequence[TimeSeries]) -> np.ndarray:
    """Return the damped drift of each channel over all series, (C,)."""
    return damped_drift_of(torch.cat([_changes(one) for one in series])).numpy()


def _changes(series: TimeSeries) -> Tensor:
    """Return the changes from row to row, (T - 1, C)."""
    return torch.from_numpy(np.diff(series.values(copy=False).astype(np.float64), axis=0))


def _begins(series: Sequence[TimeSeries]) -> list[int]:
    """Return when series begin, in steps from the first one's begin, if they share their time."""
    origin = series[0].start_time() if series else None
    comparable = all(
        isinstance(one.start_time(), pd.Timestamp) == isinstance(origin, pd.Timestamp)
        for one in series
    )
    if not comparable:
        return [0] * len(series)
    return [n_steps_between(one.start_time(), origin, one.freq) for one in series]


def held_out_rows(n_rows: int, lookback_and_shift: int, width: int, size: float) -> tuple[int, int]:
    """Return the first row that held-out windows see, and the first one that they forecast.

    Parameters
    ----------
    n_rows : int
        Of a series.
    lookback_and_shift : int
        Rows of a window before those that it forecasts.
    width : int
        Rows of a window.
    size : float
        Part of the windows to hold out.

    Returns
    -------
    first, end : int
        Training takes the rows before ``end``. Of a series too short for a window in both parts
        nothing is held out: both are ``n_rows``.
    """
    n_windows = n_rows - width + 1
    first = n_windows - max(1, round(size * n_windows))
    end = first + lookback_and_shift
    return (first, end) if end >= width else (n_rows, n_rows)

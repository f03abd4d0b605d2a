"""Values that would spoil weights or forecasts are named with their place; gaps are no such."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from darts import TimeSeries
from darts.utils.data import SequentialTorchInferenceDataset

from hyperforecast.darts.inputs.names import ENCODED
from hyperforecast.darts.inputs.series_numbers import without_column
from hyperforecast.nn.errors import Problems, raise_all

logger = logging.getLogger(__name__)

_ALL = slice(None)


def check_rows(series: TimeSeries, name: str) -> None:
    """Raise if a series has no rows."""
    if len(series) == 0:
        raise ValueError(f"`{name}` has no rows. Give at least one, or leave the series out.")


def check_finite(series: TimeSeries, name: str, among: slice = _ALL, *, gaps: bool = True) -> None:
    """Raise if a series holds infinite values, or some whose squares are infinite.

    Parameters
    ----------
    series : TimeSeries
    name : str
        What the series is called in the message: an argument, with the index of a list's entry.
    among : slice, optional
        Numbers of the rows that are looked at, from the first to before the last; all if not given.
        To slice the series itself takes longer than all else that is done here.
    gaps : bool, default=True
        Whether values may be missing, NaN.
    """
    values = series.all_values(copy=False)[among]  # (T, C, samples)
    if values.size and np.abs(values).max() <= _largest(values.dtype):  # not so of NaN
        return
    series = series[among]
    check_rows(series, name)
    wrong = np.isinf(values) if gaps else ~np.isfinite(values)
    if not wrong.any():
        _check_size(values, series, name)
        return
    bad = wrong.any(axis=2)  # (T, C)
    rows, columns = np.nonzero(bad)
    named = [str(series.components[c]) for c in np.unique(columns)]
    message = (
        f"`{name}` holds {'' if gaps else 'NaN or '}infinite values: {bad.sum()} in "
        f"{', '.join(map(repr, named[:5]))}{' and more' if len(named) > 5 else ''}, the first at "
        f"{series.time_index[rows[0]]}. Expected finite numbers"
        f"{', or NaN where a value is missing' if gaps else ''}."
    )
    if all(name.startswith(ENCODED) for name in named):
        # made by an encoder or its transformer, which Darts lets fail
        logger.warning("%s These are made by `add_encoders`; forecasts will be NaN.", message)
        return
    raise ValueError(message)


@lru_cache
def _largest(dtype: np.dtype) -> float:
    """Return the largest values whose squares, of which errors are made, keep their precision."""
    if not np.issubdtype(dtype, np.floating):
        return np.inf
    return float(np.sqrt(np.finfo(np.promote_types(dtype, np.float32)).max) / 1e3)


def _check_size(values: np.ndarray, series: TimeSeries, name: str) -> None:
    """Raise if values are so large that their squares leave their precision."""
    wrong = np.argwhere(np.abs(values) > _largest(values.dtype))
    if len(wrong):
        row, column, _ = wrong[0]
        raise ValueError(
            f"`{name}` holds values that are too large for {values.dtype}, the first in "
            f"{str(series.components[column])!r} at {series.time_index[row]}. Expected numbers "
            f"below {_largest(values.dtype):.0e}; scale them, for example with Darts' Scaler."
        )


def check_observed(given: Iterable[TimeSeries], kind: str, *, each: bool) -> None:
    """Raise if a component has no value at all: there is nothing to learn from.

    Parameters
    ----------
    given : TimeSeries or iterable of TimeSeries
    kind : str
        The argument that they are.
    each : bool
        Whether every series has to have one, or one of them.
    """
    absent: list[tuple[str, set[str]]] = []
    for name, series in named(given, kind):
        gaps = np.isnan(series.all_values(copy=False))
        if gaps.any():
            empty = series.components[gaps.all(axis=(0, 2))]
            absent.append((name, set(map(str, empty))))
        elif not each:
            return
    if not each and absent:
        absent = [(kind, set.intersection(*(names for _, names in absent)))]
    for name, names in absent:
        if names and not all(one.startswith(ENCODED) for one in names):
            raise ValueError(
                f"`{name}` has no value at all of {', '.join(map(repr, sorted(names)[:5]))}"
                f"{' and more' if len(names) > 5 else ''}: all are NaN. Expected at least one "
                "value that is there; leave the component out."
            )


def check_static_covariates(series: TimeSeries, name: str, series_id: str | None = None) -> None:
    """Raise if a series has static covariates that are no numbers, or not finite.

    That by which series are known may be anything.
    """
    static = without_column(series.static_covariates, series_id)
    if static is None:
        return
    numbers = static.select_dtypes("number")
    others = [str(column) for column in static.columns if column not in numbers.columns]
    if others:
        raise ValueError(
            f"The static covariates of `{name}` are not all numbers: "
            f"{', '.join(map(repr, others[:5]))}. Encode them, for example with Darts' "
            "StaticCovariatesTransformer, or leave static covariates out with "
            "use_static_covariates=False."
        )
    bad = ~np.isfinite(numbers.to_numpy(dtype=float))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ValueError(
            f"The static covariates of `{name}` hold {bad.sum()} NaN or infinite values, the first "
            f"in column {str(numbers.columns[column])!r} of {str(numbers.index[row])!r}. Expected "
            "finite numbers; fill them in, drop the column, or leave static covariates out with "
            "use_static_covariates=False."
        )


def check_static_shapes(given: Iterable[TimeSeries], kind: str) -> None:
    """Raise unless several series have as many static covariates, of as many components."""
    expected = None
    for i, (name, series) in enumerate(named(given, kind)):
        static = series.static_covariates
        shape = None if static is None else static.shape
        expected = shape if i == 0 else expected
        if shape != expected:
            shapes = ["no static covariates" if s is None else f"{s}" for s in (shape, expected)]
            raise ValueError(
                f"`{name}` has {shapes[0]} and `{kind}[0]` {shapes[1]}, as (rows, columns) of the "
                "static covariates. Give every series the same ones, or leave them out with "
                "use_static_covariates=False."
            )


def check_sample_weight(weights: TimeSeries, name: str) -> None:
    """Raise if weights of windows are not finite, or negative: these would reward errors."""
    check_finite(weights, name, gaps=False)
    values = weights.all_values(copy=False)
    if (values < 0).any():
        row, column, _ = np.argwhere(values < 0)[0]
        raise ValueError(
            f"`{name}` holds negative weights, the first in {str(weights.components[column])!r} at "
            f"{weights.time_index[row]}. Expected numbers >= 0; with 0 a step is left out."
        )


def check_fit_inputs(
    given: Mapping[str, Any], *, static: bool, series_id: str | None = None
) -> None:
    """Raise if what a model is to be trained or validated on is not finite.

    Parameters
    ----------
    given : mapping
        Arguments of ``fit``: series, lists of them, and others that are passed over.
    static : bool
        Whether static covariates are used.
    series_id : str, optional
        Static covariate by which series are known.
    """
    problems = Problems()
    for kind in ("series", "past_covariates", "future_covariates", "sample_weight"):
        check = check_sample_weight if kind == "sample_weight" else check_finite
        for argument in (kind, f"val_{kind}"):
            values = given.get(argument)
            if values is None or isinstance(values, str):  # weights that Darts knows by a name
                continue
            for name, one in named(values, argument):
                problems.check(check, one, name)
                if static and kind == "series":
                    problems.check(check_static_covariates, one, name, series_id)
            if kind != "sample_weight":
                of_each = "covariates" in kind
                problems.check(check_observed, values, argument, each=of_each)
            if static and kind == "series":
                problems.check(check_static_shapes, values, argument)
    raise_all(problems)


def warn_of_encodings(
    past_covariates: Iterable[TimeSeries] | None, future_covariates: Iterable[TimeSeries] | None
) -> None:
    """Say in the log if covariates that Darts made for ``add_encoders`` are not finite."""
    covariates = {"past_covariates": past_covariates, "future_covariates": future_covariates}
    for kind, series in covariates.items():
        for name, one in named(series or (), kind):
            check_finite(one, name)


def check_forecast_inputs(dataset: SequentialTorchInferenceDataset, *, static: bool) -> None:
    """Raise if what forecasts are made from is infinite; what is in other rows does no harm.

    Parameters
    ----------
    dataset : SequentialTorchInferenceDataset
    static : bool
        Whether static covariates are used.
    """
    series_id = getattr(dataset, "series_id", None)  # of one that tells series apart
    beyond = max(0, dataset.n - dataset.output_chunk_length)
    ahead = dataset.output_chunk_shift + max(dataset.n, dataset.output_chunk_length)
    problems = Problems()
    if static:
        problems.check(check_static_shapes, dataset.series, "series")
    for i, (name, series) in enumerate(named(dataset.series, "series")):
        # the rows right after the first and the last window
        first, last = (len(series),) * 2 if dataset.bounds is None else dataset.bounds[i]
        first = max(0, first - dataset.input_chunk_length)
        problems.check(check_finite, series, name, slice(first, last))
        if static:
            problems.check(check_static_covariates, series, name, series_id)
        for kind, covariates, end in (
            ("past_covariates", dataset.past_covariates, last + beyond),
            ("future_covariates", dataset.future_covariates, last + ahead),
        ):
            if covariates is not None:
                rows = _rows(covariates[i], series, first, end)
                of_series = name.replace("series", kind)
                problems.check(check_finite, covariates[i], of_series, rows)
                problems.check(check_observed, covariates[i], of_series, each=True)
    raise_all(problems)


def named(given: Iterable[TimeSeries], kind: str) -> Iterator[tuple[str, TimeSeries]]:
    """Yield series with their names: the argument, and of several the index."""
    series: Sequence[TimeSeries] = [given] if isinstance(given, TimeSeries) else list(given)
    for i, one in enumerate(series):
        yield (kind if len(series) == 1 else f"{kind}[{i}]"), one


def _rows(covariates: TimeSeries, series: TimeSeries, first: int, last: int) -> slice:
    """Return the rows of covariates at the rows ``first`` to ``last`` of a series."""
    if covariates.freq != series.freq:
        return _ALL  # an error that Darts explains
    start = int(covariates.time_index.searchsorted(series.time_index[first]))
    return slice(start, start + last - first)

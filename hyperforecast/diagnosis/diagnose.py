"""One model for all channels, one for each, or weights generated in between."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hyperforecast.automatic.names import (
    GENERATED,
    LAST_VALUE,
    ONE_EACH,
    ONE_FOR_ALL,
    SEASONAL_NAIVE,
    repeated_rows,
)
from hyperforecast.automatic.season import season_of
from hyperforecast.diagnosis.backtest import model_errors, naive_errors
from hyperforecast.diagnosis.gain import Gain, gain_of
from hyperforecast.diagnosis.standardise import to_darts

if TYPE_CHECKING:
    from darts import TimeSeries

CODE = {
    LAST_VALUE: "NaiveSeasonal(K=1)",
    SEASONAL_NAIVE: "NaiveSeasonal(K={season})",
    ONE_FOR_ALL: "BackboneModel({lookback}, {horizon})",
    GENERATED: "HNMVTSModel({lookback}, {horizon})",
    ONE_EACH: "BackboneModel({lookback}, {horizon}, individual=True)",
}
"""How each kind of model is made, the simplest first."""

LEAST_GAIN = 0.01
"""Part of the error that a richer kind has to save, whatever its standard error."""


@dataclass(frozen=True)
class Diagnosis:
    """What a backtest says of a table.

    Parameters
    ----------
    errors : DataFrame, shape (C, models)
        Mean squared error of each channel in units of its variance in the training rows, of every
        kind of model that was tried, the simplest first.
    gains : DataFrame, shape (C, 2)
        Of each channel, the part of the error of one model for all that weights of its own save
        (those of :attr:`own`), and the ``standard_error`` of that.
    gain : Gain
        The same for all channels together.
    own : {"generated", "one each"}
        Which kind of weights of a channel's own has the lower error.
    best : str
        The simplest kind that none beats clearly: by more than one standard error, and by more
        than one per cent.
    code : str
        What makes it.
    """

    errors: pd.DataFrame
    gains: pd.DataFrame
    gain: Gain
    own: str
    best: str
    code: str

    @property
    def sentence(self) -> str:
        """What was found, in a sentence."""
        if not self.gains["gain"].any():
            return (
                f"{self.best.capitalize()}: generated weights came out the same for all channels, "
                "which is one model for all."
            )
        clear = self.gains["gain"] > self.gains["standard_error"]
        return (
            f"{self.best.capitalize()}: weights of a channel's own ({self.own}) save {self.gain} "
            f"of the error of one model for all, and more than one standard error on "
            f"{int(clear.sum())} of {len(clear)} channels."
        )

    def __str__(self) -> str:
        means = self.errors.mean().map("{:.4f}".format)
        width = max(map(len, means.index))
        lines = [f"{name:<{width}}  {value}" for name, value in means.items()]
        return "\n".join([*lines, self.sentence, self.code])


def diagnose(
    data: "pd.DataFrame | TimeSeries",
    input_chunk_length: int,
    output_chunk_length: int,
    *,
    test_size: float = 0.2,
    options: Mapping[str, Any] | None = None,
) -> Diagnosis:
    """Say whether channels want one model, a model each, or generated weights, in seconds.

    Repeats the last value and the last season, and fits one linear model for all channels, one for
    each, and one whose weights are generated for each channel, by the exact solver on the first
    rows; all forecast every window of the last ones. Channels are standardised by the first rows.

    Parameters
    ----------
    data : DataFrame or TimeSeries, shape (T, C)
        A row for each step, a column for each channel. NaN is a missing value: it is filled where
        a forecast is made from it, and counts for nothing where one is compared with it.
    input_chunk_length, output_chunk_length : int
        Lookback and horizon in rows, as of the models.
    test_size : float, default=0.2
        Part of the rows, the last ones, that is forecast.
    options : mapping, optional
        Arguments of :class:`~hyperforecast.darts.BackboneModel` and
        :class:`~hyperforecast.darts.HNMVTSModel`, for example ``{"instance_norm": "last"}``.

    Returns
    -------
    Diagnosis

    Raises
    ------
    TypeError
        If ``data`` is no single table of numbers.
    ValueError
        If there are too few rows for the lengths, only one channel, or a channel without any value
        among the rows to train on or among those to forecast.

    Examples
    --------
    >>> from hyperforecast.datasets import load_fertility
    >>> from hyperforecast.diagnosis import diagnose
    >>> diagnose(load_fertility(), 12, 5, test_size=0.3).best
    'one for all'
    """
    from hyperforecast.darts import BackboneModel, HNMVTSModel

    table = _table(data)
    lookback, horizon = input_chunk_length, output_chunk_length
    first = len(table) - math.ceil(test_size * len(table))
    _check(table, first, lookback, horizon, test_size)
    training = table.iloc[:first]
    series = to_darts(table, training)
    values = series.values()
    season = season_of(table.index)
    errors = {
        name: naive_errors(values, first, horizon, n_rows)
        for name, n_rows in repeated_rows(season, first).items()
    }
    shared = {"solver": "exact", **(options or {})}
    for name, model in {
        ONE_FOR_ALL: BackboneModel(lookback, horizon, **shared),
        GENERATED: HNMVTSModel(lookback, horizon, **shared),
        ONE_EACH: BackboneModel(lookback, horizon, individual=True, **shared),
    }.items():
        errors[name] = model_errors(model.fit(series[:first]), series, first)

    own = min((GENERATED, ONE_EACH), key=lambda name: errors[name].mean())
    best = simplest(errors, horizon)
    of_channels = [
        gain_of(errors[ONE_FOR_ALL][:, [i]], errors[own][:, [i]], horizon)
        for i in range(table.shape[1])
    ]
    return Diagnosis(
        errors=pd.DataFrame(
            {name: one.mean(axis=0) for name, one in errors.items()}, index=table.columns
        ),
        gains=pd.DataFrame(of_channels, index=table.columns, columns=list(Gain._fields)),
        gain=gain_of(errors[ONE_FOR_ALL], errors[own], horizon),
        own=own,
        best=best,
        code=CODE[best].format(season=season, lookback=lookback, horizon=horizon),
    )


def simplest(errors: Mapping[str, np.ndarray], horizon: int) -> str:
    """Return the simplest kind of model, the first, that no later one beats clearly.

    Parameters
    ----------
    errors : mapping of str to array, shape (windows, C)
        The simplest first.
    horizon : int
    """
    names = list(errors)
    chosen = names[0]
    for name in names[1:]:
        gain = gain_of(errors[chosen], errors[name], horizon)
        if gain.gain > max(LEAST_GAIN, gain.standard_error):
            chosen = name
    return chosen


def _table(data: Any) -> pd.DataFrame:
    if isinstance(data, pd.DataFrame):
        table = data
    elif hasattr(data, "to_dataframe"):
        table = data.to_dataframe()
    else:
        raise TypeError(
            "Expected a DataFrame or a Darts TimeSeries, with a column for each channel; got "
            f"{type(data).__name__}."
        )
    if isinstance(table.index, pd.MultiIndex):
        raise TypeError(
            "Expected one table with a column for each channel; got a table of several instances. "
            "Give them as columns, for example `data.unstack(0)`, where they share their time."
        )
    numbers = table.select_dtypes(["number", "bool"]).columns
    others = [str(name) for name in table.columns.difference(numbers)]
    if others:
        raise TypeError(
            f"Expected columns of numbers, beside {', '.join(map(repr, others[:5]))}"
            f"{' and more' if len(others) > 5 else ''}. Leave these out, or turn them into numbers "
            "with `astype(float)`; dates belong into the index."
        )
    return table


def _check(table: pd.DataFrame, first: int, lookback: int, horizon: int, test_size: float) -> None:
    if not 0 < test_size < 1:
        raise ValueError(f"test_size must be a part of the rows, between 0 and 1; got {test_size}.")
    if table.shape[1] < 2:
        raise ValueError(
            "The table has one channel: there is nothing to share or to tell apart. Expected at "
            "least two columns."
        )
    n_windows = len(table) - first - horizon + 1
    if n_windows < 1 or first < lookback + horizon:
        raise ValueError(
            f"{len(table)} rows are too few: the first {first} have to hold a lookback and a "
            f"horizon, {lookback} + {horizon} rows, and the last {len(table) - first} a horizon. "
            "Give more rows, shorter lengths or another test_size."
        )
    for part, rows in (("first", table.iloc[:first]), ("last", table.iloc[first:])):
        empty = [str(name) for name in table.columns[rows.isna().all()]]
        if empty:
            raise ValueError(
                f"The {part} {len(rows)} rows have no value of {', '.join(empty[:5])}"
                f"{f' and {len(empty) - 5} more' * (len(empty) > 5)}: every channel needs some to "
                "learn from and some to forecast. Leave these columns out, or choose another "
                "test_size."
            )

"""Data that nobody would give on purpose: gaps, wrong types, wrong times, wrong horizons."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from darts import TimeSeries
from sktime.forecasting.base import ForecastingHorizon

import hyperforecast.darts
import hyperforecast.sktime
from tests.fuzz.cases import Data, H, Host, L, Setting, tables
from tests.fuzz.hosts import fit, forecast, values
from tests.fuzz.outcomes import WrongForecastError
from tests.fuzz.relations import without_what_a_host_has_not


@dataclass(frozen=True)
class Flawed:
    """Data of which one table is spoilt, for a fit or for a forecast."""

    host: Host
    setting: Setting
    data: Data
    flaw: str
    where: str
    """Which table: ``"y"``, ``"past"``, ``"future"`` or ``"static"``."""
    when: str
    """``"fit"`` or ``"forecast"``."""
    row: int


def run(case: Flawed) -> None:
    """Raise :class:`WrongForecastError` unless all forecasts are finite."""
    given = without_what_a_host_has_not(case.host, tables(case.data))
    spoilt = given.copy()
    kind = case.where if getattr(given, case.where) is not None else "y"
    table = getattr(spoilt, kind)[-1]
    changed = FLAWS[case.flaw](table, case.row % len(table))
    setattr(spoilt, kind, [*getattr(spoilt, kind)[:-1], changed])
    fitted = fit(case.host, case.setting, spoilt if case.when == "fit" else given)
    found = forecast(case.host, fitted, spoilt)
    if not all(np.isfinite(one.to_numpy(dtype=float)).all() for one in found):
        raise WrongForecastError("not finite")
    if case.flaw in HARMLESS and kind != "static":  # whose rows Darts takes as they come
        expected = values(forecast(case.host, fit(case.host, case.setting, given), given))
        if not np.allclose(values(found), expected, rtol=1e-4, atol=1e-6):
            raise WrongForecastError(f"{case.flaw} is another forecast")


def _set(value: Any) -> Callable[[pd.DataFrame, int], pd.DataFrame]:
    def changed(table: pd.DataFrame, row: int) -> pd.DataFrame:
        if isinstance(value, str):
            table = table.astype(object)
        table.iloc[row, -1] = value
        return table

    return changed


def _as(dtype: str) -> Callable[[pd.DataFrame, int], pd.DataFrame]:
    return lambda table, row: table.astype(dtype)


FLAWS: dict[str, Callable[[pd.DataFrame, int], pd.DataFrame]] = {
    "nan": _set(np.nan),
    "infinite": _set(np.inf),
    "minus infinite": _set(-np.inf),
    "huge": _set(1e300),
    "a string": _set("x"),
    "strings": _as("str"),
    "objects": _as("object"),
    "whole numbers": _as("int64"),
    "bools": _as("bool"),
    "half precision": _as("float16"),
    "complex": _as("complex128"),
    "categories": _as("category"),
    "all nan": lambda table, row: table * np.nan,
    "a column of nan": lambda table, row: table.assign(**{str(table.columns[0]): np.nan}),
    "no rows": lambda table, row: table[:0],
    "one row": lambda table, row: table[:1],
    "few rows": lambda table, row: table[: L - 1],
    "no last row": lambda table, row: table[:-1],
    "a gap": lambda table, row: table.drop(table.index[len(table) // 2]),
    "a row twice": lambda table, row: pd.concat([table[: row + 1], table[row:]]),
    "newest first": lambda table, row: table[::-1],
    "shuffled": lambda table, row: table.sample(frac=1, random_state=row),
    "no columns": lambda table, row: table.iloc[:, :0],
    "a column less": lambda table, row: table.iloc[:, 1:],
    "a column more": lambda table, row: table.assign(z=1.0),
    "a column twice": lambda table, row: pd.concat([table, table.iloc[:, :1]], axis=1),
    "names in part others": lambda table, row: table.rename(columns={table.columns[0]: "z"}),
    "names all others": lambda table, row: table.add_prefix("z"),
    "names that are numbers": lambda table, row: table.set_axis(range(table.shape[1]), axis=1),
    "times with a zone": lambda table, row: table.set_axis(
        pd.date_range("2020-01-31", periods=len(table), tz="Europe/Berlin"), axis=0
    ),
    "periods": lambda table, row: table.set_axis(
        pd.period_range("2020-01", periods=len(table), freq="M"), axis=0
    ),
    "times that are strings": lambda table, row: table.set_axis(
        [f"day {i}" for i in range(len(table))], axis=0
    ),
    "other times": lambda table, row: table.set_axis(
        pd.date_range("1990-01-01", periods=len(table)), axis=0
    ),
    "another frequency": lambda table, row: table.set_axis(
        pd.date_range("2020-01-31", periods=len(table), freq="7D"), axis=0
    ),
    "irregular times": lambda table, row: table.set_axis(
        pd.to_datetime("2020-01-31") + pd.to_timedelta(np.arange(len(table)) ** 2, unit="D"),
        axis=0,
    ),
}

HARMLESS = ("newest first",)
"""Flaws that change no forecast, where they are taken at all."""


@dataclass(frozen=True)
class Misuse:
    """A call with an argument of a kind that it does not take."""

    host: Host
    setting: Setting
    argument: str
    value: int
    """Which of the odd values of the argument."""


def run_misuse(case: Misuse) -> None:
    """Raise :class:`WrongForecastError` unless forecasts are finite."""
    choices = MISUSES[case.host][case.argument]
    value = choices[case.value % len(choices)]
    forecasts = (_misuse_darts if case.host == "darts" else _misuse_sktime)(case, value)
    if not all(np.isfinite(one).all() for one in forecasts):
        raise WrongForecastError("not finite")


DATA = Data(rows=30, channels=2, past=1, future=1)
FRAME = tables(DATA).y[0]
SERIES = TimeSeries.from_dataframe(FRAME)
COVARIATES = TimeSeries.from_dataframe(tables(DATA).future[0])
NUMBERS: list[Any] = [0, -1, 1.5, "3", None, [1], np.nan, np.inf, True, {}, np.int64(2), 10**9]
OBJECTS: list[Any] = [None, [], {}, 3, "abc", FRAME, FRAME.to_numpy(), FRAME["a"], object()]
HORIZONS: list[Any] = [
    *(0, -1, 1.5, "3", [], [0], [1, 1], [3, 1], [1, 9], np.nan, True, {}, "2020-03-05")
]
PAST = ForecastingHorizon(pd.DatetimeIndex(["2020-02-05"]), is_relative=False)

MISUSES: dict[Host, dict[str, list[Any]]] = {
    "darts": {
        "series": [*OBJECTS, [SERIES, None], [SERIES, FRAME], [SERIES, SERIES["a"]], (SERIES,)],
        "past_covariates": [*OBJECTS, [COVARIATES] * 2, COVARIATES[:10], COVARIATES[20:]],
        "future_covariates": [*OBJECTS, [COVARIATES] * 2, COVARIATES[:10], COVARIATES[20:]],
        "val_series": [*OBJECTS, SERIES["a"], SERIES[:5], [SERIES, SERIES]],
        "sample_weight": [*OBJECTS, "linear", "exponential", SERIES, SERIES * 0, -SERIES],
        "epochs": [one for one in NUMBERS if one != 10**9],
        "stride": NUMBERS,
        "max_samples_per_ts": NUMBERS,
        "n": [one for one in NUMBERS if one != 10**9],
        "num_samples": [one for one in NUMBERS if one != 10**9],
        "batch_size": NUMBERS,
        "roll_size": NUMBERS,
        "random_state": NUMBERS,
        "predict series": [*OBJECTS, SERIES["a"], SERIES[:3], [SERIES, SERIES[:3]]],
        "predict past_covariates": [*OBJECTS, COVARIATES, COVARIATES[:10]],
        "predict future_covariates": [*OBJECTS, COVARIATES, COVARIATES[:10]],
    },
    "sktime": {
        "y": [*OBJECTS, FRAME["a"].to_numpy(), FRAME.astype(str), FRAME[:0], FRAME[:1]],
        "X": [*OBJECTS, FRAME[:3], FRAME[5:], FRAME[::-1]],
        "fh": [*HORIZONS, PAST, ForecastingHorizon([-2]), 10**6],
        "predict fh": [*HORIZONS, PAST],
        "predict X": [*OBJECTS, FRAME],
        "update y": [*OBJECTS, FRAME[:3], FRAME[::-1], FRAME["a"].to_frame()],
        "coverage": [0, -1, 1.5, 1, "0.9", [], [0.9, 0.9], np.nan, {}],
        "alpha": [0, -1, 1.5, 1, "0.9", [], [0.5, 0.5], np.nan, {}],
    },
}


def _misuse_darts(case: Misuse, value: Any) -> list[np.ndarray]:
    name = case.argument
    model_class = getattr(hyperforecast.darts, f"{case.setting.model}Model")
    training: dict[str, Any] = {"series": SERIES}
    if name == "val_series" or name in (
        "series",
        "past_covariates",
        "future_covariates",
        "sample_weight",
        "epochs",
        "stride",
        "max_samples_per_ts",
    ):
        training[name] = value
    model = model_class(L, H, **case.setting.options).fit(**training)
    predicting: dict[str, Any] = {"n": H, "series": SERIES}
    if name.startswith("predict "):
        predicting[name.removeprefix("predict ")] = value
    elif name not in training:
        predicting[name] = value
    for kind in ("past_covariates", "future_covariates"):
        if training.get(kind) is not None:
            predicting[kind] = training[kind]
    found = model.predict(**predicting)
    return [one.all_values() for one in ([found] if isinstance(found, TimeSeries) else found)]


def _misuse_sktime(case: Misuse, value: Any) -> list[np.ndarray]:
    name = case.argument
    forecaster_class = getattr(hyperforecast.sktime, f"{case.setting.model}Forecaster")
    options = dict(case.setting.options)
    if name in ("coverage", "alpha"):
        options["quantiles"] = (0.1, 0.5, 0.9)
    forecaster = forecaster_class(input_chunk_length=L, **options)
    training = {"y": FRAME, "X": None, "fh": [1, 2, 3], **({name: value} if name in "yXfh" else {})}
    forecaster.fit(**training)
    if name == "coverage":
        return [forecaster.predict_interval(coverage=value).to_numpy()]
    if name == "alpha":
        return [forecaster.predict_quantiles(alpha=value).to_numpy()]
    if name == "update y":
        forecaster.update(value, update_params=False)
    predicting = {}
    if name.startswith("predict "):
        predicting[name.removeprefix("predict ")] = value
    elif isinstance(training["X"], pd.DataFrame):
        predicting["X"] = training["X"]
    return [np.asarray(forecaster.predict(**predicting), dtype=float)]

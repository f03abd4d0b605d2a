"""The automatic model beside the single models that it chooses from, on data of many kinds.

Every model is fitted on the rows before the test part and forecasts windows of the test part, at
most 1,500 evenly spaced ones, in units of the training rows' variances::

    python -m benchmarks.automatic accuracy
    python -m benchmarks.automatic presets --presets fast medium
    python -m benchmarks.automatic presets --data weather --time-limit 300
    python -m benchmarks.automatic tables
"""

import argparse
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from darts import TimeSeries

from benchmarks import command_line
from benchmarks.diagnosis import tourism
from benchmarks.markdown import markdown
from benchmarks.protocol import data_folder
from benchmarks.runs import RESULTS, Row, Run, complete, finished
from benchmarks.timing import timed
from hyperforecast.darts import AutoHyperModel, BackboneModel, HNMVTSModel, HyperforecastModel

PATH = RESULTS / "automatic.csv"

PRESETS_PATH = RESULTS / "automatic_presets.csv"

PRESETS = ("fast", "medium", "best")

MAX_WINDOWS = 1500
"""Most windows of the test part that are forecast."""

FILES = {
    "ETTh1": (96, "h", 14_400),
    "ETTm1": (96, "15min", 57_600),
    "weather": (96, "10min", None),
    "exchange_rate": (96, "D", None),
    "los_speed": (12, "5min", None),
}
"""Horizon, step, and number of rows used, if not all; a fifth of them is the test part."""

SINGLE = ("last value", "seasonal naive", "drift", "one for all", "one each", "generated")
"""Models beside which the automatic one stands."""

AUTOMATIC = "automatic"


@dataclass(frozen=True)
class Task:
    """What is forecast.

    Parameters
    ----------
    name : str
    series : list of TimeSeries
        Scaled by the rows before the test part.
    n_test : int
        Number of rows of the test part, the last of each series.
    horizon : int
    future_covariates : list of TimeSeries, optional
    """

    name: str
    series: list[TimeSeries]
    n_test: int
    horizon: int
    future_covariates: list[TimeSeries] | None = None

    @property
    def known(self) -> dict[str, Any]:
        """Covariates, as arguments."""
        covariates = self.future_covariates
        return {} if covariates is None else {"future_covariates": covariates}


def tasks(folder: str | None) -> dict[str, Callable[[], Task]]:
    """Return what makes each task, by name."""
    root = data_folder(folder)
    made: dict[str, Callable[[], Task]] = {}
    for name in FILES:
        made[name] = lambda name=name: of_file(root, name)
    return {
        **made,
        "epf_np": lambda: prices(root),
        "New York": new_york,
        "tourism": lambda: one_table("tourism", tourism(folder), 8, 8),
        "M4 weekly": lambda: m4_weekly(root),
        "airline": lambda: univariate("airline", 36, 12),
        "lynx": lambda: univariate("lynx", 30, 10),
        "longley": longley,
    }


def one_table(name: str, table: pd.DataFrame, n_test: int, horizon: int) -> Task:
    """Return the task of a table with dates: a row for each step, a column for each channel."""
    return Task(name, [scaled(table, n_test)], n_test, horizon)


def scaled(table: pd.DataFrame, n_test: int) -> TimeSeries:
    """Standardise by the rows before the test part."""
    before = table.iloc[:-n_test]
    table = (table - before.mean()) / before.std(ddof=0).replace(0.0, 1.0)
    return TimeSeries.from_dataframe(table.astype(np.float32))


def of_file(root: Path, name: str) -> Task:
    """Return the task of a file of the long-term forecasting literature."""
    horizon, step, n_rows = FILES[name]
    frame = pd.read_csv(root / f"{name}.csv")
    table = frame.select_dtypes("number").astype(float).iloc[:n_rows]
    table.columns = table.columns.map(str)
    # the files' dates have gaps or are missing; what counts is their step
    table.index = pd.date_range("2000-01-03", periods=len(table), freq=step)
    return one_table(name, table, int(0.2 * len(table)), horizon)


def prices(root: Path) -> Task:
    """Return Nord Pool's price, with two forecasts that are known a day ahead."""
    table = pd.read_csv(root / "epf_np.csv").select_dtypes("number").astype(float)
    table.columns = table.columns.str.strip()
    table.index = pd.date_range("2013-01-01", periods=len(table), freq="h")
    series = scaled(table, int(0.2 * len(table)))
    price = table.columns[-1]
    covariates = series.drop_columns(price)
    return Task("epf_np", [series[price]], int(0.2 * len(table)), 24, [covariates])


def new_york() -> Task:
    """Return weather and departures at New York's airports."""
    from hyperforecast.datasets import load_new_york

    table = load_new_york()
    return one_table("New York", table, int(0.2 * len(table)), 24)


def m4_weekly(root: Path) -> Task:
    """Return the weekly series of M4, each in units of its own."""
    train, test = (pd.read_csv(root / f"m4_weekly_{part}.csv") for part in ("train", "test"))
    series = []
    for (_, before), (_, after) in zip(train.iterrows(), test.iterrows(), strict=True):
        values = [pd.to_numeric(one.iloc[1:]).dropna().to_numpy() for one in (before, after)]
        series.append(scaled(pd.DataFrame({"y": np.concatenate(values)}), len(values[1])))
    return Task("M4 weekly", series, 13, 13)


def univariate(name: str, n_test: int, horizon: int) -> Task:
    """Return one of sktime's series."""
    from sktime import datasets

    y = getattr(datasets, f"load_{name}")()
    table = y.to_frame("y")
    table.index = table.index.to_timestamp()
    return one_table(name, table, n_test, horizon)


def longley() -> Task:
    """Return Longley's macroeconomic series, sixteen years of six channels."""
    from sktime.datasets import load_longley

    y, X = load_longley()
    table = X.assign(employed=y)
    table.index = table.index.to_timestamp()
    return one_table("longley", table, 3, 3)


def model_of(name: str, lookback: int, horizon: int) -> HyperforecastModel:
    """Return one of the single models."""
    options = {"pl_trainer_kwargs": {"accelerator": "cpu"}}
    if name in ("one for all", "one each"):
        return BackboneModel(
            lookback, horizon, individual=name == "one each", solver="exact", **options
        )
    if name == "generated":
        return HNMVTSModel(lookback, horizon, solver="exact", **options)
    return AutoHyperModel(lookback, horizon, candidates=[name], quantiles=None, **options)


def automatic(horizon: int, **options: Any) -> AutoHyperModel:
    """Return the automatic model as it is by default."""
    return AutoHyperModel(
        output_chunk_length=horizon, pl_trainer_kwargs={"accelerator": "cpu"}, **options
    )


def measure(task: Task, model: HyperforecastModel) -> Row:
    """Fit a model, forecast the test part, and return errors and seconds."""
    training = [one[: -task.n_test] for one in task.series]
    _, to_fit = timed(lambda: model.fit(training, **task.known))
    (errors, covered), to_forecast = timed(lambda: errors_and_coverage(task, model))
    return {
        "lookback": model.input_chunk_length,
        "mse": round(float(np.mean(np.square(errors))), 6),
        "mae": round(float(np.mean(np.abs(errors))), 6),
        "coverage": "" if covered is None else round(covered, 4),
        "windows": len(errors),
        "seconds": round(to_fit.wall, 2),
        "processor_seconds": round(to_fit.processor, 2),
        "forecast_seconds": round(to_forecast.wall, 2),
    }


def errors_and_coverage(task: Task, model: HyperforecastModel) -> tuple[np.ndarray, float | None]:
    """Return the errors (windows, H, C) on the test part, and the coverage of 90 % intervals."""
    n_windows = len(task.series) * (task.n_test - task.horizon + 1)
    series = [one[-task.n_test - model.input_chunk_length :] for one in task.series]
    likelihood = model.likelihood
    forecasts = model.historical_forecasts(
        series,
        forecast_horizon=task.horizon,
        stride=max(1, -(-n_windows // MAX_WINDOWS)) if len(series) == 1 else 1,
        retrain=False,
        last_points_only=False,
        show_warnings=False,
        predict_likelihood_parameters=likelihood is not None,
        **task.known,
    )
    errors, inside = [], []
    for one, made in zip(series, forecasts, strict=True):
        for window in made:
            actual = one.slice_intersect(window).values()  # (H, C)
            values = window.values().reshape(*actual.shape, -1)  # (H, C, P)
            if likelihood is None:
                errors.append(values[..., 0] - actual)
                continue
            levels = list(likelihood.quantiles)
            errors.append(values[..., levels.index(0.5)] - actual)
            low, high = (values[..., levels.index(level)] for level in (0.05, 0.95))
            inside.append((low <= actual) & (actual <= high))
    return np.stack(errors), float(np.mean(inside)) if inside else None


def runs(folder: str | None, names: Sequence[str]) -> Iterator[Run]:
    """Yield what is measured."""
    for name, make in tasks(folder).items():
        if names and name not in names:
            continue
        made: list[Task] = []

        def task(make: Callable[[], Task] = make, made: list[Task] = made) -> Task:
            made[:] = made or [make()]
            return made[0]

        yield Run({"data": name, "model": AUTOMATIC}, lambda task=task: of_automatic(task()))
        for single in SINGLE:
            yield Run({"data": name, "model": single}, lambda t=task, s=single: of_single(t(), s))


def runs_of_presets(
    folder: str | None,
    names: Sequence[str],
    of_presets: Sequence[str] = PRESETS,
    time_limit: float | None = None,
) -> Iterator[Run]:
    """Yield what is measured of the presets, by seconds after which no candidate is begun."""
    limit = "" if time_limit is None else f"{time_limit:g} s"
    for name, make in tasks(folder).items():
        if names and name not in names:
            continue
        for presets in of_presets:
            yield Run(
                {"data": name, "time_limit": limit, "presets": presets},
                lambda make=make, presets=presets: of_automatic(
                    make(), presets=presets, time_limit=time_limit, random_state=0
                ),
            )


def of_automatic(task: Task, **options: Any) -> Row:
    """Measure the automatic model."""
    model = automatic(task.horizon, **options)
    row = measure(task, model)
    board = model.leaderboard()
    chosen = board[board["chosen"]].iloc[0]["candidate"]
    return {**row, "chosen": chosen, "verdict": model.verdict}


def of_single(task: Task, name: str) -> Row:
    """Measure a single model with the lookback that the automatic one chooses."""
    lookback = automatic(task.horizon, candidates=["last value"], quantiles=None)
    training = [one[: -task.n_test] for one in task.series]
    length = lookback.fit(training, **task.known).input_chunk_length
    try:
        row = measure(task, model_of(name, length, task.horizon))
    except ValueError as error:  # no season, or too few rows for a season
        return {
            **dict.fromkeys(("mse", "mae", "coverage", "windows"), ""),
            **dict.fromkeys(("seconds", "processor_seconds", "forecast_seconds"), ""),
            "lookback": length,
            "chosen": "",
            "verdict": str(error),
        }
    return {**row, "chosen": "", "verdict": ""}


def tables(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the tables of the documentation."""
    frame = pd.DataFrame(rows)
    frame["mse"] = pd.to_numeric(frame["mse"], errors="coerce")
    errors = frame.pivot_table(index="data", columns="model", values="mse", sort=False)
    best = errors[[name for name in SINGLE if name in errors]].min(axis=1)
    seasonal = errors.get("seasonal naive", pd.Series(dtype=float)).reindex(errors.index)
    chosen = frame[frame["model"] == AUTOMATIC].set_index("data")
    table = errors.reindex(columns=[*SINGLE, AUTOMATIC])
    table = table.assign(
        **{
            "to the best": errors[AUTOMATIC] / best,
            "to seasonal naive": errors[AUTOMATIC] / seasonal.fillna(errors["last value"]),
            "chosen": chosen["chosen"],
        }
    )
    yield markdown(table.reset_index())
    columns = ["lookback", "coverage", "seconds", "processor_seconds", "verdict"]
    yield markdown(chosen[columns].reset_index())


def table_of_presets(rows: Sequence[Row]) -> str:
    """Return the table of the presets, a row for each data set."""
    frame = pd.DataFrame(rows)
    wide = frame.pivot(index=["data", "time_limit"], columns="presets")
    errors, seconds = (wide[name].astype(float) for name in ("mse", "processor_seconds"))
    table = {"fast": errors["fast"], "processor s": seconds["fast"]}
    for name in PRESETS[1:]:
        if name in errors:
            of_one = {
                name: errors[name],
                f"{name} to fast": errors[name] / errors["fast"],
                f"chosen by {name}": wide["chosen"][name].fillna(""),
                f"coverage, {name}": wide["coverage"][name].fillna(""),
                f"processor s, {name}": seconds[name],
            }
            table |= of_one
    return markdown(pd.DataFrame(table).reset_index())


def main() -> None:
    """Measure what is missing, or print the tables."""
    warnings.filterwarnings("ignore")
    parser = command_line.parser("benchmarks.automatic", __doc__, folder=True, threads=1)
    parser.add_argument("what", choices=["accuracy", "presets", "tables"])
    parser.add_argument("--data", nargs="*", default=[], help="names of data sets; all by default")
    parser.add_argument("--presets", nargs="*", default=PRESETS, choices=PRESETS)
    parser.add_argument("--time-limit", type=float, help="of the presets, in seconds; none if not")
    options: argparse.Namespace = parser.parse_args()
    torch.set_num_threads(options.threads)
    wanted = runs(options.folder, options.data)
    if options.what == "accuracy":
        complete(PATH, wanted)
        return
    if options.what == "presets":
        wanted = runs_of_presets(options.folder, options.data, options.presets, options.time_limit)
        complete(PRESETS_PATH, wanted)
        return
    of_presets = finished(
        PRESETS_PATH,
        runs_of_presets(options.folder, options.data, time_limit=options.time_limit),
    )
    print(table_of_presets([row for row in of_presets if row is not None]), end="\n\n")
    rows = [row for row in finished(PATH, wanted) if row is not None]
    for table in tables(rows):
        print(table, end="\n\n")


if __name__ == "__main__":
    main()

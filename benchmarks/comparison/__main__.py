"""The package's models beside those of Darts and naive forecasts, over data sets and horizons.

Every estimator with options to choose has two choices, those that matter most to it, of which
validation takes one; what the exact solver chooses, it chooses itself. Models trained by gradients
take the best of at most 20 epochs on validation, of windows 64 to a batch. Seconds are processor
seconds of both choices together, and of forecasting every window of the test part. A finished cell
is a row of the results file and is not run again::

    python -m benchmarks.comparison
    python -m benchmarks.comparison --data ETTh1 --horizons 96 --estimators "HNMVTSModel, exact"
    python -m benchmarks.comparison --finished
"""

import itertools
import json
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch

from benchmarks import command_line
from benchmarks.comparison.estimators import ESTIMATORS, Estimator, Fitted, Task, TooLargeError
from benchmarks.comparison.scores import skill_scores, win_rates
from benchmarks.markdown import markdown
from benchmarks.protocol import Dataset, Errors, Part, evaluate, load, scale, split
from benchmarks.runs import RESULTS, Row, Run, complete, finished
from benchmarks.timing import timed
from hyperforecast.datasets import load_new_york

BASELINE = "seasonal naive"


class Lengths(NamedTuple):
    """Of the windows of a data set."""

    lookback: int
    season: int
    horizons: tuple[int, ...]


DATA = {
    "ETTh1": Lengths(336, 24, (96, 192, 336, 720)),
    "exchange_rate": Lengths(96, 7, (96, 192, 336, 720)),
    "los_speed": Lengths(96, 288, (12,)),
    "New York": Lengths(168, 24, (24, 168)),
    "weather": Lengths(336, 144, (96, 192, 336, 720)),
    "ETTm1": Lengths(336, 96, (96, 192, 336, 720)),
}


def new_york() -> Dataset:
    """Return the example of the package, split and scaled as the others."""
    table = load_new_york()
    bounds = split(len(table))
    return Dataset("New York", list(map(str, table)), scale(table.to_numpy(float), bounds), bounds)


def errors_of(fitted: Fitted, task: Task, part: Part) -> Errors:
    """Return the errors of what was fitted on a part."""
    return evaluate(fitted.network, task.dataset, part, fitted.lookback, task.horizon)


def measure(estimator: Estimator, task: Task) -> Row:
    """Fit an estimator with each of its options; return errors of the one that validation takes."""
    best: tuple[float, Fitted, str] | None = None
    seconds = 0.0
    for options in estimator.grid:
        try:
            fitted, taken = timed(partial(estimator.fit, task, **options))
        except TooLargeError:
            continue
        seconds += taken.processor
        # with nothing to choose between, validation says nothing
        error = errors_of(fitted, task, "validation").mse if len(estimator.grid) > 1 else math.nan
        if best is None or error < best[0]:
            best = error, fitted, json.dumps(options, sort_keys=True)
    assert best is not None
    _, fitted, options = best
    errors, taken = timed(partial(errors_of, fitted, task, "test"))
    return {
        "test_mse": round(errors.mse, 6),
        "test_mae": round(errors.mae, 6),
        "seconds": round(seconds, 2),
        "forecast_seconds": round(taken.processor, 2),
        "parameters": fitted.parameters,
        "chosen": options,
    }


def matrix(rows: Sequence[Row], column: str) -> pd.DataFrame:
    """Return a column of the results, a row for each task, a column for each estimator."""
    frame = pd.DataFrame(rows)
    frame["task"] = frame["data"] + " " + frame["horizon"].astype(str)
    wide = frame.pivot_table(index="task", columns="estimator", values=column, sort=False)
    return wide[[name for name in ESTIMATORS if name in wide]]


def scores(rows: Sequence[Row]) -> pd.DataFrame:
    """Return a row for each estimator, over the tasks that all of them have finished."""
    errors, absolutes = (matrix(rows, name).dropna() for name in ("test_mse", "test_mae"))
    seconds, forecasting = (
        matrix(rows, name).loc[errors.index].median() for name in ("seconds", "forecast_seconds")
    )
    made = pd.DataFrame(
        {
            "of": {name: ESTIMATORS[name].source for name in errors},
            "skill, MSE": skill_scores(errors, BASELINE),
            "skill, MAE": skill_scores(absolutes, BASELINE),
            "win rate, MSE": win_rates(errors),
            "seconds to fit": seconds,
            "to forecast": forecasting,
        }
    )
    return made.rename_axis("model").sort_values("skill, MSE", ascending=False).reset_index()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run every cell that the arguments name and print the tables."""
    parser = command_line.parser("benchmarks.comparison", __doc__, folder=True, threads=1)
    parser.add_argument("--data", nargs="+", default=list(DATA), choices=list(DATA))
    parser.add_argument("--horizons", nargs="+", type=int, help="all of the data set if not given")
    parser.add_argument(
        "--estimators", nargs="+", default=list(ESTIMATORS), choices=list(ESTIMATORS)
    )
    parser.add_argument("--results", type=Path, default=RESULTS / "comparison.csv")
    parser.add_argument(
        "--finished", action="store_true", help="show what the results file has; run nothing"
    )
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    command_line.silence()

    runs = []
    for data in given.data:
        lookback, season, horizons = DATA[data]
        dataset = new_york() if data == "New York" else load(data, given.folder)
        wanted = [one for one in horizons if one in (given.horizons or horizons)]
        for horizon, name in itertools.product(wanted, given.estimators):
            task = Task(dataset, lookback, horizon, season)
            key = {"data": data, "lookback": lookback, "horizon": horizon, "estimator": name}
            runs.append(Run(key, partial(measure, ESTIMATORS[name], task)))
    rows = finished(given.results, runs) if given.finished else complete(given.results, runs)
    there = [row for row in rows if row is not None]
    print(markdown(scores(there), digits=3))
    print()
    print(markdown(matrix(there, "test_mse").T.rename_axis("model").reset_index()))


if __name__ == "__main__":
    main()

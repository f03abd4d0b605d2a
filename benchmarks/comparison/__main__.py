"""The package's models beside those of other packages and naive forecasts.

Everybody has the same small budget: two choices of options, of which validation takes one, and 10
processor seconds of one thread for each where gradients train. Seconds are processor seconds of
both choices together, and of forecasting the windows compared on. What other packages have runs in
an environment of its own, that ``make comparison-environment`` makes. A finished cell is a row of
the results file and is not run again; the first horizon of every data set comes first::

    python -m benchmarks.comparison
    python -m benchmarks.comparison --data ETTh1 --horizons 96 --estimators "HNMVTSModel, exact"
    python -m benchmarks.comparison --finished --page
"""

import itertools
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import torch

from benchmarks import command_line
from benchmarks.comparison import elsewhere
from benchmarks.comparison.estimators import ESTIMATORS
from benchmarks.comparison.measuring import measure
from benchmarks.comparison.page import PAGE, redrawn
from benchmarks.comparison.tables import tables
from benchmarks.comparison.tasks import DATA, Task
from benchmarks.protocol import Dataset, load, scale, split
from benchmarks.runs import RESULTS, Row, Run, complete, finished
from benchmarks.solver.electricity import prices_and_known
from hyperforecast.datasets import load_new_york

NEW_YORK = "New York"


def new_york() -> Dataset:
    """Return the example of the package, split and scaled as the others."""
    table = load_new_york()
    bounds = split(len(table))
    return Dataset(NEW_YORK, list(map(str, table)), scale(table.to_numpy(float), bounds), bounds)


def cells(
    data: Sequence[str], horizons: Sequence[int] | None, names: Sequence[str]
) -> Iterator[tuple[str, int, str]]:
    """Yield data sets, horizons and estimators.

    The first horizons of all data come first, and of these what no gradients train.
    """
    for of_all in itertools.zip_longest(*(DATA[name].horizons for name in data)):
        for trained in (False, True):
            for one, horizon in zip(data, of_all, strict=True):
                if horizon is not None and (horizons is None or horizon in horizons):
                    for name in names:
                        if ESTIMATORS[name].by_gradients == trained:
                            yield one, horizon, name


def measured(name: str, data: str, lookback: int, horizon: int, folder: str | None) -> Row:
    """Measure an estimator on a data set."""
    dataset, known = new_york() if data == NEW_YORK else load(data, folder), None
    if DATA[data].prices:
        dataset, known = prices_and_known(dataset)
    task = Task(dataset, lookback, horizon, DATA[data].season, known)
    if name in elsewhere.ESTIMATORS:
        return elsewhere.measure_elsewhere(name, task)
    return measure(ESTIMATORS[name], task)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run every cell that the arguments name and print the tables."""
    parser = command_line.parser("benchmarks.comparison", __doc__, folder=True, threads=1)
    parser.add_argument("--data", nargs="+", default=list(DATA), choices=list(DATA))
    parser.add_argument("--horizons", nargs="+", type=int, help="all of the data set if not given")
    parser.add_argument("--lookback", type=int, help="that of the data set if not given")
    parser.add_argument(
        "--estimators", nargs="+", default=list(ESTIMATORS), choices=list(ESTIMATORS)
    )
    parser.add_argument("--results", type=Path, default=RESULTS / "comparison.csv")
    parser.add_argument(
        "--finished", action="store_true", help="show what the results file has; run nothing"
    )
    parser.add_argument(
        "--page", action="store_true", help="write the tables into docs/comparison.md"
    )
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    command_line.silence()

    runs = []
    for data, horizon, name in cells(given.data, given.horizons, given.estimators):
        lookback = given.lookback or DATA[data].lookback
        key = {"data": data, "lookback": lookback, "horizon": horizon, "estimator": name}
        runs.append(Run(key, partial(measured, name, data, lookback, horizon, given.folder)))
    rows = finished(given.results, runs) if given.finished else complete(given.results, runs)
    made = tables([row for row in rows if row is not None])
    if given.page:
        PAGE.write_text(redrawn(PAGE.read_text(), made))
        return
    for name, table in made.items():
        print(f"{name}:\n\n{table}", end="\n\n")


if __name__ == "__main__":
    main()

"""Which held-out rows choose best: the last fifth, or four blocks in turn."""

import itertools
from collections.abc import Sequence
from functools import partial

import pandas as pd
from darts import TimeSeries

from benchmarks.markdown import markdown
from benchmarks.protocol import Dataset, evaluate, load
from benchmarks.runs import RESULTS, Row, Run, complete
from benchmarks.timing import timed
from hyperforecast.darts import HNMVTSModel

HELD_OUT = RESULTS / "solver_held_out.csv"

LOOKBACKS = {"exchange_rate": 96, "los_speed": 96}
"""The longest lookback where it is not 336."""

SHORT = {"los_speed": (12,)}
"""Horizons of the data sets for which others than the usual ones are forecast."""

RULES = {"last fifth": {"validation_size": 0.2}, "four blocks": {}}

ROWS = ("training", "training and validation")
"""Parts of the protocol that are given as one series; the test part stays apart."""


def held_out(names: Sequence[str], folder: str | None, horizons: Sequence[int]) -> None:
    """Make the table of rules by which rows are held out."""
    cases = [(name, horizon) for name in names for horizon in SHORT.get(name, horizons)]
    runs = [
        Run(
            {"data": name, "horizon": horizon, "rows": rows, "held out": rule},
            partial(_measure, name, horizon, rows, rule, folder),
        )
        for (name, horizon), rows, rule in itertools.product(cases, ROWS, RULES)
    ]
    table = pd.DataFrame(complete(HELD_OUT, runs)).pivot_table(
        index=["data", "horizon", "rows"],
        columns="held out",
        values=["test MSE", "processor seconds"],
        sort=False,
    )
    table.columns = [", ".join(reversed(column)) for column in table.columns]
    print(markdown(table.reset_index(), digits=4))


def _measure(name: str, horizon: int, rows: str, rule: str, folder: str | None) -> Row:
    dataset, lookback = load(name, folder), LOOKBACKS.get(name, 336)
    model = HNMVTSModel(lookback, horizon, solver="exact", solver_kwargs=RULES[rule])
    series = dataset.series("train") if rows == ROWS[0] else _both_parts(dataset)
    _, taken = timed(lambda: model.fit(series))
    return {
        "test MSE": round(evaluate(model.network, dataset, "test", lookback, horizon).mse, 5),
        "processor seconds": round(taken.processor, 2),
    }


def _both_parts(dataset: Dataset) -> TimeSeries:
    end = dataset.bounds["validation"][1]
    return TimeSeries.from_times_and_values(
        pd.RangeIndex(end), dataset.values[:end], columns=dataset.channels
    )

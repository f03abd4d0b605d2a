"""Series that come later: added with a few rows, beside not adding them, and training with them.

A fifth of a panel is held out in turn. The others are trained on; each held-out series is added
with its last rows before the test part, in each way that there is, and its next horizon is forecast
from these rows, at least a lookback of them. Beside it the same model forecasts it without adding
it; so do one model for all, and a model trained on all rows of all series::

    python -m benchmarks.panels.new_series run
    python -m benchmarks.panels.new_series table

Errors are mean squared errors in units of each series' variance, of all series; times are processor
seconds on one thread.
"""

import copy
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from darts import TimeSeries

from benchmarks import command_line
from benchmarks.markdown import markdown
from benchmarks.panels import attributes, m4_weekly, three_kinds
from benchmarks.panels.m4_errors import read_m4_weekly
from benchmarks.runs import RESULTS, Row, Run, complete, finished
from benchmarks.timing import timed
from hyperforecast.darts import HNMVTSModel
from hyperforecast.nn.newcomers import ADAPTATIONS

ROWS = (5, 20, 40, 80, 160)
"""Numbers of rows that a new series is given; all that it has, where these are fewer."""

N_FOLDS = 5


class Panel(NamedTuple):
    """Series with the rows of the test at their ends, and the windows of the models."""

    series: Callable[[], list[TimeSeries]]
    lookback: int
    horizon: int


OPTIONS: dict[str, dict[str, Any]] = {
    "exact": {"solver": "exact"},
    "adam": {
        "solver": "adam",
        "instance_norm": "revin",
        "n_epochs": 5,
        "batch_size": 256,
        "random_state": 0,
    },
}
"""Of the models, by their solver."""


def of_kinds() -> list[TimeSeries]:
    """Return series of three kinds, with a horizon of test rows."""
    _, series = three_kinds.panel(0)
    return [one[: three_kinds.HORIZON - three_kinds.N_TEST] for one in series]


def of_two_coefficients() -> list[TimeSeries]:
    """Return autoregressions whose coefficients are their own, without attributes."""
    n_unused = attributes.N_TEST_MADE - attributes.HORIZON
    return [one[:-n_unused].with_static_covariates(None) for one in attributes.made(0)]


def weekly() -> list[TimeSeries]:
    """Return the series of M4 weekly with what is to be forecast behind them."""
    data = read_m4_weekly(None)
    return [
        TimeSeries.from_values(np.concatenate(rows)[:, None], columns=[name])
        for name, *rows in zip(data.names, data.training, data.test, strict=True)
    ]


PANELS = {
    "three kinds": Panel(of_kinds, three_kinds.LOOKBACK, three_kinds.HORIZON),
    "two coefficients": Panel(of_two_coefficients, attributes.LOOKBACK, attributes.HORIZON),
    "M4 weekly": Panel(weekly, m4_weekly.LOOKBACK, m4_weekly.HORIZON),
}


CASES = (
    *((name, "exact", range(N_FOLDS)) for name in PANELS),
    ("three kinds", "adam", (0,)),
    ("two coefficients", "adam", (0,)),
)
"""Panels, solvers and folds."""


def error(model: HNMVTSModel, panel: Panel, series: Sequence[TimeSeries], n_rows: int) -> float:
    """Return the mean error of the last horizon, forecast from the rows before it."""
    horizon = panel.horizon
    given = [one[-max(n_rows, panel.lookback) - horizon : -horizon] for one in series]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Series that were not trained on")
        forecasts = model.predict(horizon, series=given)
    found = [
        np.square(forecast.values() - one[-horizon:].values()).mean()
        / one[:-horizon].values().var()
        for forecast, one in zip(forecasts, series, strict=True)
    ]
    return float(np.mean(found))


def measure(panel: Panel, solver: str, fold: int) -> Row:
    """Return the errors on the series of a fold, and what training and adding took."""
    series = panel.series()
    order = np.random.default_rng(0).permutation(len(series))
    held = set(order[fold::N_FOLDS].tolist())
    new = [one for i, one in enumerate(series) if i in held]
    known = [one[: -panel.horizon] for i, one in enumerate(series) if i not in held]
    everything = [one[: -panel.horizon] for one in series]
    make = partial(
        HNMVTSModel, panel.lookback, panel.horizon, weights_by="series", **OPTIONS[solver]
    )
    model, taken = timed(lambda: make().fit(known))
    shared = make(channel_embedding_dim=0).fit(known)
    trained = make().fit(everything)
    row: Row = {"series": len(new), "seconds": taken.processor}
    _, taken = timed(partial(model.fit_encoder, known))
    row["seconds_encoder"] = taken.processor
    for n_rows in ROWS:
        rows = [one[-n_rows - panel.horizon : -panel.horizon] for one in new]
        row[f"plain_{n_rows}"] = error(model, panel, new, n_rows)
        row[f"shared_{n_rows}"] = error(shared, panel, new, n_rows)
        for way in ADAPTATIONS:
            add = partial(copy.deepcopy(model).add_series, rows, adaptation=way)
            added, taken = timed(add)
            row[f"{way}_{n_rows}"] = error(added, panel, new, n_rows)
            row[f"seconds_{way}_{n_rows}"] = taken.processor
    row["trained"] = error(trained, panel, new, max(map(len, new)))
    return {name: round(value, 5) for name, value in row.items()}


def runs() -> Iterator[Run]:
    """Yield the runs of all panels."""
    for name, solver, folds in CASES:
        for fold in folds:
            key = {"panel": name, "solver": solver, "fold": fold}
            yield Run(key, partial(measure, PANELS[name], solver, fold))


def table(rows: Sequence[Row]) -> pd.DataFrame:
    """Return rows of errors for each panel, beside those of not adding with as many rows.

    Time is that of adding with 80 rows, beside that of training.
    """
    made = []
    for (name, solver), part in pd.DataFrame(rows).groupby(["panel", "solver"], sort=False):

        def mean(what: str, part: pd.DataFrame = part) -> float:
            return float(np.average(part[what], weights=part["series"]))

        def seconds(what: str, part: pd.DataFrame = part) -> float:
            return float(part[what].sum() / part["seconds"].sum())

        for kind in (*ADAPTATIONS, "shared", "trained"):
            over = {n: mean(kind if kind == "trained" else f"{kind}_{n}") for n in ROWS}
            made.append(
                {
                    "panel": f"{name}, {solver}",
                    "beside not adding": kind,
                    **{f"{n} rows": over[n] / mean(f"plain_{n}") for n in ROWS},
                    "time": seconds(f"seconds_{kind}_80") if kind in ADAPTATIONS else np.nan,
                    "encoder's training": seconds("seconds_encoder")
                    if kind == "encoder"
                    else np.nan,
                }
            )
    return pd.DataFrame(made)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, or print the table."""
    parser = command_line.parser("benchmarks.panels.new_series", __doc__, threads=1)
    parser.add_argument("command", choices=["run", "table"])
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    path = RESULTS / "new_series.csv"
    rows = complete(path, runs()) if given.command == "run" else finished(path, runs())
    print(markdown(table([row for row in rows if row is not None]), digits=3))


if __name__ == "__main__":
    main()

"""Series never seen, forecast by their attributes: made data, and Australian tourism.

A fifth of the series is held out in turn. The others are trained on, with static covariates that
weights are generated from; the held-out ones are forecast without training, beside one model for
all, and beside models that were trained on them::

    python -m benchmarks.panels.attributes made
    python -m benchmarks.panels.attributes tourism

Made data: 200 autoregressions of 120 to 200 rows, whose two coefficients are sums of what a
category of four levels and a number say; levels from 1 to 1,000. Errors are mean squared errors in
units of each series' variance, of all windows of the 40 rows after those trained on. Tourism: 304
quarterly series, with Region, State and Purpose; MASE (seasonality 4) over all windows of the last
8 quarters.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
import torch
from darts import TimeSeries
from sklearn.preprocessing import StandardScaler

from benchmarks import command_line
from benchmarks.markdown import markdown
from benchmarks.protocol import data_folder
from benchmarks.runs import RESULTS, Row, Run, complete
from benchmarks.timing import timed
from hyperforecast.darts import HNMVTSModel

LOOKBACK, HORIZON, N_FOLDS = 12, 4, 5
N_MADE, N_TEST_MADE, N_TEST_TOURISM, SEASON = 200, 40, 8, 4

KINDS = {"a": (1.5, -0.8), "b": (-0.7, 0.1), "c": (0.4, 0.4), "d": (0.0, -0.8)}
BY_NUMBER = (0.15, -0.1)
"""Coefficients of both lags that each level says, and those that the number says for each unit."""

GRADIENTS = {
    "solver": "adam",
    "channel_embedding_dim": 8,
    "n_epochs": 30,
    "batch_size": 256,
    "optimizer_kwargs": {"lr": 3e-3},
    "random_state": 0,
    "pl_trainer_kwargs": {"accelerator": "cpu"},
}


def made(seed: int) -> list[TimeSeries]:
    """Return series whose coefficients depend on their attributes."""
    generator = np.random.default_rng(seed)
    panel = []
    for number in range(N_MADE):
        kind, x = generator.choice([*KINDS]), generator.uniform(-1, 1)
        by = np.add(KINDS[kind], x * np.array(BY_NUMBER))
        values = generator.standard_normal(generator.integers(120, 201) + 50)
        for t in range(2, len(values)):
            values[t] += by[0] * values[t - 1] + by[1] * values[t - 2]
        values = 10 ** generator.uniform(0, 3) * (3 + values[50:])
        panel.append(
            TimeSeries.from_values(
                values[:, None],
                columns=[f"series {number}"],
                static_covariates=pd.DataFrame({"kind": [kind], "x": [x]}),
            )
        )
    return panel


def tourism() -> list[TimeSeries]:
    """Return the quarterly trips of each region and purpose."""
    known = ["Region", "State", "Purpose"]
    table = pd.read_csv(data_folder() / "australia_tourism.csv")
    return [
        TimeSeries.from_values(
            rows["Trips"].to_numpy()[:, None],
            columns=[" / ".join(labels)],
            static_covariates=pd.DataFrame([labels], columns=known),
        )
        for labels, rows in table.groupby(known)
    ]


def forecasts(
    model: HNMVTSModel, series: Sequence[TimeSeries], n_test: int
) -> list[list[np.ndarray]]:
    """Return the forecasts of all windows of the last rows, of each series."""
    ends = [len(one) - n_test for one in series]
    many = [
        [one.values() for one in model.predict(HORIZON, series=_until(series, ends, first))]
        for first in range(n_test - HORIZON + 1)
    ]
    return [list(of_one) for of_one in zip(*many, strict=True)]


def _until(series: Sequence[TimeSeries], ends: Sequence[int], more: int) -> list[TimeSeries]:
    return [one[: end + more] for one, end in zip(series, ends, strict=True)]


def seasonal_naive(series: Sequence[TimeSeries], n_test: int) -> list[list[np.ndarray]]:
    """Return the season before, as often."""
    found = []
    for one in series:
        values, end = one.values(), len(one) - n_test
        found.append([values[end + t - SEASON : end + t] for t in range(n_test - HORIZON + 1)])
    return found


def errors(
    made_of: Sequence[Sequence[np.ndarray]], series: Sequence[TimeSeries], n_test: int, kind: str
) -> np.ndarray:
    """Return the error of each series: its MASE, or its squared error in units of its variance."""
    found = []
    for one, windows in zip(series, made_of, strict=True):
        values, end = one.values(), len(one) - n_test
        missed = np.array(
            [window - values[end + t : end + t + HORIZON] for t, window in enumerate(windows)]
        )
        if kind == "MASE":
            scale = np.abs(values[SEASON:end] - values[: end - SEASON]).mean()
            found.append(np.abs(missed).mean() / scale)
        else:
            found.append(np.square(missed).mean() / values[:end].var())
    return np.array(found)


def measure(series: Sequence[TimeSeries], fold: int, n_test: int, kind: str, solver: str) -> Row:
    """Return the errors of the series of a fold, and of the others."""
    order = np.random.default_rng(0).permutation(len(series))
    held_out = set(order[fold::N_FOLDS].tolist())
    if solver == "adam":
        series = [scaled(one, n_test) for one in series]
    new = [one for i, one in enumerate(series) if i in held_out]
    known = [one for i, one in enumerate(series) if i not in held_out]
    given = {"solver": "exact"} if solver == "exact" else GRADIENTS
    make = partial(HNMVTSModel, LOOKBACK, HORIZON, weights_by="series", **given)
    plain = partial(make, use_static_covariates=False)
    cut = [one[:-n_test] for one in known]
    model, taken = timed(lambda: make().fit(cut))
    models = {
        "attributes": model,
        "one for all": plain(channel_embedding_dim=0).fit(cut),
        "trained on them": make().fit([*cut, *(one[:-n_test] for one in new)]),
        "without attributes": plain().fit(cut),
    }
    of_new = {
        name: errors(forecasts(one, new, n_test), new, n_test, kind)
        for name, one in models.items()
        if name != "without attributes"
    }
    row: Row = {f"new, {name}": found.mean() for name, found in of_new.items()}
    if kind == "MASE":
        naive = errors(seasonal_naive(new, n_test), new, n_test, kind)
        row["new, seasonal naive"] = naive.mean()
        row["below naive"] = int((of_new["attributes"] < naive).sum())
    row["below one for all"] = int((of_new["attributes"] < of_new["one for all"]).sum())
    row["of"] = len(new)
    for name in ("attributes", "without attributes"):
        found = errors(forecasts(models[name], known, n_test), known, n_test, kind)
        row[f"known, {name}"] = found.mean()
    row["processor s of fit"] = taken.processor
    return row


def scaled(series: TimeSeries, n_test: int) -> TimeSeries:
    """Return a series in units of the rows that are not those of the test."""
    values = series.values()
    scaler = StandardScaler().fit(values[:-n_test])
    return series.with_values(scaler.transform(values))


def runs(data: str, solver: str) -> list[Run]:
    """Return a run for each seed of made data, or fold of tourism."""
    if data == "made":
        return [
            Run(
                {"data": data, "solver": solver, "number": seed},
                partial(measure, made(seed), 0, N_TEST_MADE, "MSE", solver),
            )
            for seed in range(3)
        ]
    series = tourism()
    return [
        Run(
            {"data": data, "solver": solver, "number": fold},
            partial(measure, series, fold, N_TEST_TOURISM, "MASE", solver),
        )
        for fold in range(N_FOLDS)
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the results file lacks, and print the table."""
    parser = command_line.parser("benchmarks.panels.attributes", __doc__, threads=1)
    parser.add_argument("data", choices=["made", "tourism"])
    parser.add_argument("--solver", choices=["exact", "adam"], default="exact")
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    file = RESULTS / f"attributes_{given.data}.csv"
    table = pd.DataFrame(complete(file, runs(given.data, given.solver)))
    print(markdown(table.drop(columns=["data"]), digits=4))


if __name__ == "__main__":
    main()

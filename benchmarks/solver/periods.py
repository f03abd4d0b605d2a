"""Cycles of day and week: without, always taken away, and chosen by the solver on validation."""

import copy
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from benchmarks.markdown import markdown
from benchmarks.protocol import Dataset, evaluate, load
from benchmarks.runs import RESULTS, Row, Run, complete
from benchmarks.solver.electricity import evaluate_known, prices_and_known
from benchmarks.timing import timed
from hyperforecast.darts import HNMVTSModel
from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.layers.cycle import Cycle

PERIODS = RESULTS / "solver_periods.csv"

DAYS = {"ETTh1": 24, "ETTm1": 96, "weather": 144, "los_speed": 288, "epf_np": 24, "epf_pjm": 24}
"""Number of steps in a day."""

DAYS_OF_WEEK = 7

HORIZONS = {"los_speed": 12, "epf_np": 24, "epf_pjm": 24}
"""Horizon where it is not 96."""

LOOKBACKS = (24, 96, 336)

NONE, ALWAYS, CHOSEN = "none", "day, always", "chosen"


def periods(names: Sequence[str], folder: str | None) -> None:
    """Make the table of errors without cycles, with that of the day, and with those chosen."""
    runs = [
        Run(
            {"data": name, "lookback": lookback, "cycles": cycles},
            partial(_measure, name, lookback, cycles, folder),
        )
        for name, lookback, cycles in itertools.product(names, LOOKBACKS, (NONE, ALWAYS, CHOSEN))
    ]
    rows = pd.DataFrame(complete(PERIODS, runs))
    index = ["data", "lookback"]
    table = rows.pivot_table(index=index, columns="cycles", values="test MSE", sort=False)
    told = rows[rows["cycles"] == CHOSEN].set_index(index)
    table[["gains on validation", "kept"]] = told[["gains on validation", "kept"]]
    print(markdown(table.reset_index(), digits=4))


def _measure(name: str, lookback: int, cycles: str, folder: str | None) -> Row:
    dataset, horizon, day = load(name, folder), HORIZONS.get(name, 96), DAYS[name]
    if cycles == ALWAYS:
        dataset = without_phase_means(dataset, day)
    known = given = None
    if name.startswith("epf"):
        dataset, known = prices_and_known(dataset)
    if cycles == CHOSEN:
        n_rows = dataset.bounds["train"][1]
        given = [one for one in (day, DAYS_OF_WEEK * day) if 2 * one <= n_rows]
    model = HNMVTSModel(
        lookback, horizon, solver="exact", solver_kwargs={"neighbours": False}, periods=given
    )
    covariates = _covariates(known, lookback)
    validation = dataset.series("validation", lookback)
    _, taken = timed(
        lambda: model.fit(dataset.series("train"), val_series=validation, **covariates)
    )
    kept = model.network.periods or ()
    network = model.network
    if kept:
        network, dataset, known = without_cycles(network, dataset, known)
    if known is None:
        mse = evaluate(network, dataset, "test", lookback, horizon).mse
    else:
        mse = evaluate_known(network, dataset, known, lookback, horizon).mse
    words = {day: "day", DAYS_OF_WEEK * day: "week"}
    return {
        "test MSE": round(mse, 5),
        "gains on validation": ""
        if given is None
        else gains(model.solver_report, {one: words[one] for one in given}),
        "kept": ", ".join(words[one] for one in kept),
        "processor seconds": round(taken.processor, 2),
    }


def gains(report: pd.DataFrame, words: Mapping[int, str]) -> str:
    """Return what each cycle gained on validation over those kept before it, in per cent."""
    said, kept = [], report.iloc[0]
    for _, row in report.iloc[1 : 1 + len(words)].iterrows():
        gain = 1 - row["validation_mse"] / kept["validation_mse"]
        said.append(f"{words[row['periods'][-1]]} {gain:.1%}")
        kept = row if row["chosen"] else kept
    return ", ".join(said)


def _covariates(known: Dataset | None, lookback: int) -> dict[str, Any]:
    if known is None:
        return {}
    return {
        "future_covariates": known.series("train"),
        "val_future_covariates": known.series("validation", lookback),
    }


def without_phase_means(dataset: Dataset, period: int) -> Dataset:
    """Subtract from every channel its mean over the training rows of each phase of a period.

    What is taken away would be added to forecasts again, so errors are the same.
    """
    phase = np.arange(len(dataset.values)) % period
    training = slice(*dataset.bounds["train"])
    rows, phases = dataset.values[training], phase[training]
    means = np.stack([rows[phases == number].mean(axis=0) for number in range(period)])
    return replace(dataset, values=dataset.values - means[phase])


@torch.no_grad()
def without_cycles(
    network: ForecastingNetwork, dataset: Dataset, known: Dataset | None
) -> tuple[ForecastingNetwork, Dataset, Dataset | None]:
    """Take the cycles out of a solved network, and away from all rows, whose phases are numbers."""
    network = copy.deepcopy(network)
    units = network.standardiser

    def left(of: Dataset, cycle: Cycle, unit: Tensor) -> Dataset:
        rows = cycle(torch.zeros(1, dtype=torch.int64), len(of.values))[0].T * unit  # (T, C)
        return replace(of, values=of.values - rows.numpy())

    dataset = left(dataset, network.cycle, units.unit().T)
    if known is not None:
        known = left(known, network.past_cycle, units.past_deviation)
    network.cycle = network.past_cycle = network.future_cycle = None
    return network, dataset, known

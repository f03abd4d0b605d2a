"""What the phase of the day would tell: each channel's mean by phase, taken away beforehand."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from benchmarks.markdown import markdown
from benchmarks.protocol import Dataset, evaluate, load
from benchmarks.runs import RESULTS, Row, Run, complete
from benchmarks.solver.fits import fit_exactly

PERIODS = RESULTS / "solver_periods.csv"

DAYS = {"ETTh1": 24, "ETTm1": 96, "weather": 144, "los_speed": 288, "epf_np": 24, "epf_pjm": 24}
"""Number of steps in a day."""

HORIZONS = {"los_speed": 12, "epf_np": 24, "epf_pjm": 24}
"""Horizon where it is not 96."""

LOOKBACKS = (24, 96, 336)


def periods(names: Sequence[str], folder: str | None) -> None:
    """Make the table of errors with and without the mean of each phase of the day."""
    runs = [
        Run(
            {"data": name, "lookback": lookback, "phases": phases},
            partial(_measure, name, lookback, phases, folder),
        )
        for name, lookback, phases in itertools.product(names, LOOKBACKS, ("none", "day"))
    ]
    rows = pd.DataFrame(complete(PERIODS, runs))
    table = rows.pivot_table(
        index=["data", "lookback"], columns="phases", values="test MSE", sort=False
    )
    print(markdown(table.reset_index(), digits=4))


def _measure(name: str, lookback: int, phases: str, folder: str | None) -> Row:
    dataset, horizon = load(name, folder), HORIZONS.get(name, 96)
    if phases == "day":
        dataset = without_phase_means(dataset, DAYS[name])
    options = {"neighbours": False}
    fit, _ = fit_exactly(dataset, lookback, horizon, solver_kwargs=options)
    # what was taken away is added to forecasts again, so errors are the same
    return {"test MSE": round(evaluate(fit.network, dataset, "test", lookback, horizon).mse, 5)}


def without_phase_means(dataset: Dataset, period: int) -> Dataset:
    """Subtract from every channel its mean over the training rows of each phase of a period."""
    phase = np.arange(len(dataset.values)) % period
    training = slice(*dataset.bounds["train"])
    rows, phases = dataset.values[training], phase[training]
    means = np.stack([rows[phases == number].mean(axis=0) for number in range(period)])
    return replace(dataset, values=dataset.values - means[phase])

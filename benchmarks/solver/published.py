"""Accuracy of the solver beside the lowest published errors."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd

from benchmarks.markdown import markdown
from benchmarks.protocol import evaluate, load
from benchmarks.runs import RESULTS, Row, Run, complete
from benchmarks.solver.fits import fit_exactly
from benchmarks.solver.vector_autoregression import autoregression

ACCURACY = RESULTS / "solver_accuracy.csv"

LOOKBACKS = {"exchange_rate": 96, "los_speed": 96}
"""The longest lookback where it is not 720."""

LONGER = {("ETTm1", 720): 1440}
"""Those of single horizons, which validation prefers."""

SHORT = {"los_speed": (12,)}
"""Horizons of the data sets for which others than the usual ones are forecast."""

PUBLISHED = {
    "weather": {96: (0.140, 0.140), 192: (0.182, 0.182), 336: (0.232, 0.232), 720: (0.304, 0.304)},
    "ETTh1": {96: (0.359, 0.351), 192: (0.394, 0.389), 336: (0.419, 0.407), 720: (0.421, 0.421)},
    "ETTm1": {96: (0.297, 0.277), 192: (0.332, 0.320), 336: (0.357, 0.348), 720: (0.396, 0.396)},
    "exchange_rate": {
        96: (0.080, 0.079),
        192: (0.167, 0.157),
        336: (0.305, 0.294),
        720: (0.578, 0.578),
    },
}
"""Lowest published test MSE by horizon, of a linear model and of any: SearchCast (arXiv 2606.27282)
on ETTm1, RRR and Root Purge (ICLR 2026) and FITS on Weather and ETTh1, and what these papers
compare with."""


def accuracy(names: Sequence[str], folder: str | None, horizons: Sequence[int]) -> None:
    """Make the table of accuracy beside what is published."""
    runs = [
        Run({"data": name, "horizon": horizon}, partial(_accuracy, name, horizon, folder))
        for name, horizon in _cases(names, horizons)
    ]
    rows = complete(ACCURACY, runs)
    for row in rows:
        published = PUBLISHED.get(row["data"], {}).get(row["horizon"], ("", ""))
        row["published, linear"], row["published, any"] = published
    print(markdown(pd.DataFrame(rows), digits=4))


def _cases(names: Sequence[str], horizons: Sequence[int]) -> list[tuple[str, int]]:
    return [(name, horizon) for name in names for horizon in SHORT.get(name, horizons)]


def _accuracy(name: str, horizon: int, folder: str | None) -> Row:
    alone = _measure(name, horizon, folder, False, {"combine": False})
    on_validation = _measure(name, horizon, folder, False, {})
    on_training = _measure(name, horizon, folder, True, {})
    return {
        "lookback": _lookback(name, horizon),
        "winner alone": alone["test MSE"],
        "combined": on_validation["test MSE"],
        "chosen on training rows": on_training["test MSE"],
        "vector autoregression": autoregression(load(name, folder), horizon).mse,
        "processor seconds, alone": alone["processor seconds"],
        "processor seconds, combined": on_validation["processor seconds"],
    }


def _lookback(name: str, horizon: int) -> int:
    return LONGER.get((name, horizon), LOOKBACKS.get(name, 720))


def _measure(
    name: str, horizon: int, folder: str | None, held_out: bool, options: dict[str, Any]
) -> Row:
    dataset, lookback = load(name, folder), _lookback(name, horizon)
    fit, _ = fit_exactly(dataset, lookback, horizon, held_out=held_out, solver_kwargs=options)
    return {
        "test MSE": round(evaluate(fit.network, dataset, "test", lookback, horizon).mse, 5),
        "processor seconds": round(fit.total.processor, 2),
    }

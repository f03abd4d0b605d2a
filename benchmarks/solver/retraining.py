"""Backtests that train again at every step: settings compared each time, or once."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
from darts import TimeSeries
from darts.metrics import mse

from benchmarks.markdown import markdown
from benchmarks.protocol import load
from benchmarks.solver.fits import ONE_SETTING, WINDOWS
from benchmarks.timing import in_turns, least
from hyperforecast.darts import HNMVTSModel

N_STEPS = 30
"""Number of fits of a backtest."""


def backtest(
    series: TimeSeries, lookback: int, horizon: int, choose_every: int | None, n_steps: int
) -> float:
    """Return the mean squared error of ``n_steps`` forecasts, one a horizon after the other."""
    options = {"choose_every": choose_every, **ONE_SETTING}
    model = HNMVTSModel(lookback, horizon, solver="exact", solver_kwargs=options)
    forecasts = model.historical_forecasts(
        series,
        start=len(series) - n_steps * horizon,
        start_format="position",
        forecast_horizon=horizon,
        stride=horizon,
        retrain=True,
        last_points_only=False,
        verbose=False,
    )
    errors = mse([series] * len(forecasts), forecasts)
    return float(sum(errors) / len(errors))


def retraining(
    names: Sequence[str], folder: str | None, repetitions: int, n_steps: int = N_STEPS
) -> None:
    """Time retraining backtests over the last rows of the training and validation parts."""
    rows = []
    for name in names:
        lookback, horizon = WINDOWS[name]
        dataset = load(name, folder)
        series = dataset.series("train").append(dataset.series("validation"))
        errors: dict[str, float] = {}
        tasks = {
            label: partial(_note_backtest, errors, label, series, lookback, horizon, every, n_steps)
            for label, every in (("at every step", 1), ("at every tenth", 10), ("once", None))
        }
        times = {
            label: least(taken) for label, taken in in_turns(tasks, repetitions, warm_up=0).items()
        }
        for label, taken in times.items():
            rows.append(
                {
                    "data": f"{name} {lookback} → {horizon}",
                    "settings compared": label,
                    "MSE": errors[label],
                    "seconds": taken.wall,
                    "processor seconds": taken.processor,
                    "times every step": times["at every step"].processor / taken.processor,
                }
            )
    print(markdown(pd.DataFrame(rows), digits=3))


def _note_backtest(errors: dict[str, float], label: str, *arguments: Any) -> None:
    errors[label] = backtest(*arguments)

"""The exact solver, the same model trained by Adam, and Darts' own DLinear."""

from collections.abc import Sequence

import pandas as pd
from darts.models import DLinearModel

from benchmarks.markdown import markdown
from benchmarks.protocol import Dataset, evaluate, load
from benchmarks.solver.fits import (
    ONE_SETTING,
    WINDOWS,
    Fit,
    chosen,
    fit_by_gradients,
    fit_exactly,
)
from benchmarks.timing import median
from hyperforecast.darts import HNMVTSModel


def speed(names: Sequence[str], folder: str | None, patience: int, repetitions: int) -> None:
    """Compare the exact solver with training by gradients, in turns."""
    rows = []
    for name in names:
        dataset = load(name, folder)
        lookback, horizon = WINDOWS.get(dataset.name, (96, 24))
        where = (dataset, lookback, horizon)

        exact = []

        def solve(where: tuple[Dataset, int, int] = where, exact: list[Fit] = exact) -> HNMVTSModel:
            for _ in range(repetitions):
                fit, model = fit_exactly(*where, solver_kwargs=ONE_SETTING)
                exact.append(fit)
            return model

        solve()
        adam = fit_by_gradients(
            lambda *lengths, **options: HNMVTSModel(*lengths, solver="adam", **options),
            *where,
            patience,
        )
        solve()
        darts = fit_by_gradients(
            lambda *lengths, **options: DLinearModel(*lengths, shared_weights=True, **options),
            *where,
            patience,
        )
        model = solve()
        usual = median([fit.total for fit in exact])
        tried = {
            "HNMVTSModel, exact": Fit(exact[-1].network, usual, usual),
            "HNMVTSModel, Adam": adam,
            "Darts DLinearModel": darts,
        }
        for label, fit in tried.items():
            rows.append(
                {
                    "data": f"{dataset.name} {lookback} -> {horizon}",
                    "trained by": label,
                    "test MSE": evaluate(fit.network, dataset, "test", lookback, horizon).mse,
                    "seconds to best": fit.to_best.wall,
                    "whole": fit.total.wall,
                    "processor seconds to best": fit.to_best.processor,
                    "epochs": "" if fit.epochs is None else fit.epochs,
                    "times exact": fit.to_best.wall / usual.wall,
                    "times exact, processor": fit.to_best.processor / usual.processor,
                }
            )
        print(f"{dataset.name}: {chosen(model)}", flush=True)
    print(markdown(pd.DataFrame(rows), digits=4))

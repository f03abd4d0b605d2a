"""Accuracy of the exact solver at every horizon."""

import itertools
from collections.abc import Sequence

import pandas as pd

from benchmarks.markdown import markdown
from benchmarks.protocol import evaluate, load
from benchmarks.solver.fits import chosen, fit_exactly

HORIZONS = (96, 192, 336, 720)
LOOKBACKS = {"exchange_rate": 96}
"""Lookback of the table of horizons where it is not 336."""


def horizons(names: Sequence[str], folder: str | None, lengths: Sequence[int]) -> None:
    """Make the table of accuracy at every horizon."""
    rows = []
    for name in names:
        dataset = load(name, folder)
        lookback = LOOKBACKS.get(dataset.name, 336)
        for horizon, held_out in itertools.product(lengths, (False, True)):
            fit, model = fit_exactly(dataset, lookback, horizon, held_out=held_out)
            errors = evaluate(fit.network, dataset, "test", lookback, horizon)
            rows.append(
                {
                    "data": f"{dataset.name} {lookback} -> {horizon}",
                    "chosen on": "training rows" if held_out else "validation part",
                    "test MSE": errors.mse,
                    "test MAE": errors.mae,
                    "seconds": fit.total.wall,
                    "processor seconds": fit.total.processor,
                    **chosen(model),
                }
            )
    print(markdown(pd.DataFrame(rows), digits=4))

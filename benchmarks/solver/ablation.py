"""What each step of the exact solver brings: each one left out, or put in, by itself."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any
from unittest import mock

import pandas as pd

from benchmarks.markdown import markdown
from benchmarks.protocol import evaluate, load
from benchmarks.runs import RESULTS, Row, Run, complete
from benchmarks.solver.fits import fit_exactly
from benchmarks.solver.periods import DAYS, without_cycles
from benchmarks.solver.published import LOOKBACKS, SHORT
from hyperforecast.darts.solving import exact

ABLATION = RESULTS / "solver_ablation.csv"

ONE_LOOKBACK, CYCLE = "longest lookback alone", "with the day's cycle"

STEPS: dict[str, dict[str, Any]] = {
    "all": {},
    ONE_LOOKBACK: {},
    "last value's level alone": {"instance_norm": "last"},
    "without factors": {"n_factors": 0},
    "without pooling": {"solver_kwargs": {"pool": False}},
    "without neighbours": {"solver_kwargs": {"neighbours": False}},
    "without combination": {"solver_kwargs": {"combine": False}},
    CYCLE: {},
}
"""Options of the model that leave a step out; two steps are no options."""


def ablation(names: Sequence[str], folder: str | None, horizons: Sequence[int]) -> None:
    """Make the table of what each step of the solver brings, at the first of the horizons."""
    runs = [
        Run(
            {"data": name, "horizon": horizon, "solver": step},
            partial(_measure, name, horizon, step, folder),
        )
        for name in names
        for horizon in SHORT.get(name, horizons)[:1]
        for step in STEPS
        if step != CYCLE or name in DAYS
    ]
    rows = pd.DataFrame(complete(ABLATION, runs))
    for values in ("test MSE", "processor seconds"):
        table = rows.pivot_table(
            index=["data", "horizon"], columns="solver", values=values, sort=False
        )
        print(f"\n{values}\n\n{markdown(table.reset_index(), digits=4)}")


def _measure(name: str, horizon: int, step: str, folder: str | None) -> Row:
    dataset, lookback = load(name, folder), LOOKBACKS.get(name, 720)
    options = dict(STEPS[step])
    if step == CYCLE:
        options["periods"] = [DAYS[name]]
    with _one_lookback(step == ONE_LOOKBACK):
        fit, model = fit_exactly(dataset, lookback, horizon, **options)
    network = fit.network
    if model.network.periods:
        network, dataset, _ = without_cycles(model.network, dataset, None)
    return {
        "test MSE": round(evaluate(network, dataset, "test", lookback, horizon).mse, 5),
        "processor seconds": round(fit.total.processor, 2),
    }


@contextmanager
def _one_lookback(wanted: bool) -> Iterator[None]:
    """Let fits compare no shorter lookbacks, for which the solver has no option."""
    choose = exact.choose_search_space

    def choose_one(*args: Any, **kwargs: Any) -> Any:
        space = choose(*args, **kwargs)
        return replace(space, lookbacks=(None,)) if wanted else space

    with mock.patch.object(exact, "choose_search_space", choose_one):
        yield

"""The exact solver beside SearchCast's own script: errors, and the seconds of whole searches.

SearchCast (arXiv 2606.27282) searches lookback, level and noise of a ridge regression for every 24
steps of the horizon, by trials on three expanding folds. Its script is run from a checkout of its
repository (github.com/SakanaAI/SearchCast), as its own ``scripts/reproduce.sh`` sets it, with all
channels in one group; of its 30 groups of steps those within the horizon are searched. It needs
optuna besides. Each group is a row of the results, and not run again::

    python -m benchmarks.solver.search_cast --checkout PATH --threads 1
"""

import contextlib
import importlib.util
import io
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from benchmarks import command_line
from benchmarks.markdown import markdown
from benchmarks.protocol import Dataset, evaluate, load
from benchmarks.runs import RESULTS, Row, Run, complete
from benchmarks.solver.fits import fit_exactly
from benchmarks.timing import timed

SEARCHED = RESULTS / "solver_search_cast.csv"

GROUP, TRIALS, FOLDS = 24, 20, 3
"""Steps that are searched together, trials and folds, as in ``scripts/reproduce.sh``."""

LOOKBACK = 720
"""The longest that the exact solver may take; SearchCast may take up to 2,048."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the rows that are missing, and print the table."""
    parser = command_line.parser("benchmarks.solver.search_cast", __doc__, folder=True, threads=1)
    parser.add_argument("--checkout", type=Path, required=True, help="of SearchCast's repository")
    parser.add_argument("--data", nargs="+", default=["ETTh1"])
    parser.add_argument("-H", "--horizon", type=int, default=96)
    given = parser.parse_args(arguments)
    if given.horizon % GROUP:
        parser.error(f"--horizon is a multiple of {GROUP}; {given.horizon} was given")
    torch.set_num_threads(given.threads)
    command_line.silence()
    script = _script(given.checkout)
    runs = []
    for name in given.data:
        of_data = (name, given.horizon, given.folder)
        what = {"data": name, "horizon": given.horizon}
        for first in range(1, given.horizon + 1, GROUP):
            steps = list(range(first, first + GROUP))
            runs.append(
                Run(
                    {**what, "model": "SearchCast", "steps": f"{first} to {steps[-1]}"},
                    partial(_searched, script, steps, *of_data),
                )
            )
        every = {**what, "model": "HN-MVTS, exact", "steps": f"1 to {given.horizon}"}
        runs.append(Run(every, partial(_solved, *of_data)))
    rows = pd.DataFrame(complete(SEARCHED, runs))
    means = rows.groupby(["data", "horizon", "model"], sort=False).agg(
        {"test MSE": "mean", "processor seconds": "sum"}
    )
    print(markdown(means.reset_index(), digits=4))


def _script(checkout: Path) -> ModuleType:
    path = checkout / "optuna_ridge.py"
    if not path.exists():
        raise FileNotFoundError(f"No {path.name} in {checkout}: give a checkout of SearchCast.")
    specification = importlib.util.spec_from_file_location(path.stem, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[path.stem] = module
    specification.loader.exec_module(module)
    return module


def _searched(
    script: ModuleType, steps: list[int], name: str, horizon: int, folder: str | None
) -> Row:
    dataset = load(name, folder)
    torch.manual_seed(0)
    with contextlib.redirect_stdout(io.StringIO()):
        (_, forecasts), taken = timed(lambda: _search(script, dataset, steps))
    begin, end = dataset.bounds["test"]
    n_windows = end - begin - horizon + 1
    squared = []
    for channel in range(len(dataset.channels)):
        forecast: Tensor = forecasts[channel, steps[0]][:n_windows]
        values = torch.from_numpy(dataset.values[begin:end, channel].copy())
        actual = values.unfold(0, len(steps), 1)[steps[0] - 1 :][:n_windows]
        squared.append((forecast - actual).square().mean().item())
    return {"test MSE": round(np.mean(squared), 5), "processor seconds": round(taken.processor, 1)}


def _search(script: ModuleType, dataset: Dataset, steps: list[int]) -> tuple:
    end = dataset.bounds["test"][1]
    starts, ends = zip(*dataset.bounds.values(), strict=True)
    fixed = dataset.name.startswith("ETT")  # of those it trains on half of what it chooses on
    return script.search_local_models(
        torch.from_numpy(dataset.values[:end]),
        dataset.channels,
        np.logspace(5, 11, 19, base=2, dtype=int),
        steps,
        torch.logspace(-6, 4, 21),
        n_trials=TRIALS,
        device=torch.device("cpu"),
        horizon_group_size=GROUP,
        series_group_size=len(dataset.channels),
        search_train_ratio=ends[1] / end * 0.5 if fixed else 0.4,
        search_test_ratio=(end - ends[1]) / end if fixed else 0.2,
        split_starts=list(starts),
        split_ends=list(ends),
        n_folds=FOLDS,
        scaler_scope="local",
        scaler_method="mean",
        pool_series=True,
        seed=0,
    )


def _solved(name: str, horizon: int, folder: str | None) -> Row:
    dataset = load(name, folder)
    fit, _ = fit_exactly(dataset, LOOKBACK, horizon)
    return {
        "test MSE": round(evaluate(fit.network, dataset, "test", LOOKBACK, horizon).mse, 5),
        "processor seconds": round(fit.total.processor, 1),
    }


if __name__ == "__main__":
    main()

"""The command ``python -m hyperforecast.demo``: its options, and what it does in order."""

import argparse
import logging
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hyperforecast.datasets import IrregularDatesError, load_fertility, read_csv
from hyperforecast.demo.backtest import backtest_darts, backtest_sktime
from hyperforecast.demo.lookback import choose_lookback
from hyperforecast.demo.pictures import draw
from hyperforecast.demo.plan import plan_backtest, split
from hyperforecast.demo.report import Say, solver_choice, table, time_of
from hyperforecast.demo.standardise import deviation

SMALL = 100_000
"""Number of values below which one thread is faster than several."""

FERTILITY_CHANNELS = ("Brazil", "China", "Iran, Islamic Rep.", "Kenya", "Korea, Rep.", "Sweden")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and return the exit status, 2 if the data or options are of no use."""
    options = _parser().parse_args(arguments)
    started = time.perf_counter()

    def say(text: str) -> None:
        print(f"[{time.perf_counter() - started:5.1f} s] {text}", flush=True)

    own = options.csv is not None
    try:
        data = read(options.csv, say) if own else load_fertility()
        data, first_test_row, horizon, lookbacks = split(data, options.horizon, options.lookback)
        options.output.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2

    title = Path(options.csv).name if own else "Fertility rates, births per woman (World Bank)"
    print(f"{title}: {len(data):,} rows x {data.shape[1]} channels", flush=True)
    say("loading Darts and sktime")
    quieten_hosts()
    if data.size < SMALL:
        import torch

        torch.set_num_threads(1)  # more would wait for each other longer than they work
    lookback = choose_lookback(data.iloc[:first_test_row], horizon, lookbacks, say)
    plan = plan_backtest(data, first_test_row, horizon, lookback)
    first_forecast = time_of(data.index[first_test_row])
    print(
        f"Trained once on the {first_test_row:,} rows before {first_forecast}; "
        f"{len(plan.origins)} forecasts of {horizon} steps from {lookback}, the first from there, "
        f"{plan.stride} rows apart.",
        flush=True,
    )
    scale = deviation(plan.training).to_numpy() if own else np.ones(data.shape[1])
    entries = backtest_sktime(plan, scale, say) + backtest_darts(plan, scale, say)

    unit = "standard deviations of the training rows" if own else "births per woman"
    print(f"\nErrors in {unit}; ratio: MSE to that of the plain backbone of the same host\n")
    print(table(entries))
    print(f"\n{solver_choice(entries)}")
    say("drawing")
    paths = draw(plan, entries, options.output, None if own else FERTILITY_CHANNELS, title)
    for what, path in paths.items():
        print(f"{what}: {path}")
    print(f"{time.perf_counter() - started:.0f} s in all", flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m hyperforecast.demo",
        description=(
            "Backtest HN-MVTS against the plain backbone (one model for all channels, and one for "
            "each) and naive forecasts, through sktime and through Darts: a table, and pictures "
            "of the forecasts and of the channels. Without --csv: fertility rates of 192 countries."
        ),
    )
    parser.add_argument(
        "--csv",
        metavar="PATH",
        help="a file with a header, a row for each step and a column for each channel; a first "
        "column that is not numeric is the time",
    )
    parser.add_argument(
        "--horizon",
        type=int,
        metavar="H",
        help="rows to forecast (default: a tenth of the rows, at most 24)",
    )
    parser.add_argument(
        "--lookback",
        type=int,
        metavar="L",
        help="rows to forecast from (default: the best of several on the training rows)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("demo-output"),
        metavar="DIR",
        help="where to save the pictures (default: %(default)s)",
    )
    return parser


def read(path: str, say: Say) -> pd.DataFrame:
    """Read a file; count its rows where its dates are irregular, and say so."""
    try:
        return read_csv(path)
    except IrregularDatesError as error:
        say(f"{error} Rows are counted instead.")
        return read_csv(path, use_dates=False)


def quieten_hosts() -> None:
    """Keep warnings and logs of the hosts, which are theirs, out of the demo's lines."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)

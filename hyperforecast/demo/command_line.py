"""The command ``python -m hyperforecast.demo``: its options, and what it does in order."""

import argparse
import logging
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from hyperforecast.datasets import IrregularDatesError, read_csv
from hyperforecast.demo.backtest import backtest_darts, backtest_sktime
from hyperforecast.demo.lookback import choose_lookback
from hyperforecast.demo.pictures import draw
from hyperforecast.demo.plan import plan_backtest, split
from hyperforecast.demo.report import Say, table, table_of_kinds, time_of
from hyperforecast.demo.subject import new_york, own_file
from hyperforecast.diagnosis.standardise import deviation

SMALL = 100_000
"""Number of values below which one thread is faster than several."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and return the exit status, 2 if the data or options are of no use."""
    options = _parser().parse_args(arguments)
    started = time.perf_counter()

    def say(text: str) -> None:
        print(f"[{time.perf_counter() - started:5.1f} s] {text}", flush=True)

    horizon, lookback = options.horizon, options.lookback
    try:
        if options.csv is None:
            subject = new_york(horizon, lookback)
        else:
            subject = own_file(options.csv, read(options.csv, say), horizon, lookback)
        data, first_test_row, horizon, lookbacks = split(
            subject.data, subject.horizon, subject.lookback
        )
        options.output.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2

    print(f"{subject.title}: {len(data):,} rows x {data.shape[1]} channels", flush=True)
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
    scale = deviation(plan.training).to_numpy()
    entries = backtest_darts(plan, scale, say) + backtest_sktime(plan, scale, say)

    print("\nErrors in standard deviations of the training rows; ratio: MSE to that of one head")
    print("for all channels in the same host; chosen: by the exact solver, on rows held out\n")
    print(table(entries))
    if subject.kinds is not None:
        print("\nMSE by kind of channel, Darts; the lowest of a row is starred\n")
        print(table_of_kinds([one for one in entries if one.host == "Darts"], subject.kinds))
    print()
    say("drawing")
    for what, path in draw(plan, entries, options.output, subject).items():
        print(f"{what}: {path}")
    print(f"{time.perf_counter() - started:.0f} s in all", flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m hyperforecast.demo",
        description=(
            "Backtest HN-MVTS against one model for all channels, one for each and naive "
            "forecasts, through sktime and through Darts: tables of errors, and pictures of the "
            "forecasts, of the channels and of what each gains. Without --csv: weather and "
            "departures at New York's airports, a day forecast from a week."
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

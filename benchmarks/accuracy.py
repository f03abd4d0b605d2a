"""Accuracy of methods on backbones and data sets.

Every combination of the arguments is a cell: one model trained with one seed. A finished cell is
a row of the results file; a cell that is there already is not trained again, so a run that was
stopped goes on where it was. For example::

    python -m benchmarks.accuracy --data weather --methods plain hn-mvts --seeds 0 1 2
    python -m benchmarks.accuracy --data my.csv -L 96 -H 12 --set hn-mvts.channel_embedding_dim=16
"""

import argparse
import ast
import contextlib
import itertools
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from benchmarks import command_line
from benchmarks.cells import METHODS, Cell, measure
from benchmarks.markdown import markdown
from benchmarks.protocol import load
from benchmarks.runs import RESULTS, Run, complete
from hyperforecast.nn import BACKBONES


def parse_option(text: str) -> tuple[str | None, str, Any]:
    """Read ``[method.]name=value``: method or ``None`` for all, name, and Python value."""
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"expected [method.]name=value, got {text!r}")
    method, dot, name = name.rpartition(".")
    if dot and method not in METHODS:
        raise argparse.ArgumentTypeError(
            f"{method!r} in {text!r} is no method; there are: {', '.join(METHODS)}"
        )
    with contextlib.suppress(ValueError, SyntaxError):  # otherwise it is a string
        value = ast.literal_eval(value)
    return method or None, name, value


def options_of(method: str, given: Sequence[tuple[str | None, str, Any]]) -> dict[str, Any]:
    """Return the options given to a method: those for all, overridden by those for it alone."""
    ordered = sorted(given, key=lambda option: option[0] is not None)
    return {name: value for scope, name, value in ordered if scope in (None, method)}


def table(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Average over seeds, and compare with the plain backbone among the same rows."""
    frame = pd.DataFrame(rows)
    groups = frame.groupby([name for name in Cell._fields if name != "seed"], sort=False)
    means = groups.agg(
        seeds=("seed", "count"),
        test_mse=("test_mse", "mean"),
        deviation=("test_mse", "std"),
        test_mae=("test_mae", "mean"),
        validation_mse=("validation_mse", "mean"),
        epochs=("epochs", "mean"),
        seconds=("seconds", "mean"),
        parameters=("parameters", "first"),
        folded_parameters=("folded_parameters", "first"),
    ).reset_index()
    setting = ["dataset", "lookback", "horizon", "backbone"]
    plain = means[means["method"] == "plain"].groupby(setting)["test_mse"].min()
    ratios = means.set_index(setting)["test_mse"] / plain.reindex(means.set_index(setting).index)
    means.insert(means.columns.get_loc("test_mse") + 1, "to_plain", ratios.to_numpy())
    return means


def main(arguments: Sequence[str] | None = None) -> None:
    """Run every cell that the arguments name and print their table."""
    parser = command_line.parser("benchmarks.accuracy", __doc__, folder=True, threads=1)
    parser.add_argument(
        "--data",
        nargs="+",
        default=["ETTh1"],
        help="names of files in the data folder without .csv, or paths of CSV files",
    )
    parser.add_argument("--backbones", nargs="+", default=["dlinear"], choices=list(BACKBONES))
    parser.add_argument(
        "--methods", nargs="+", default=["plain", "individual", "hn-mvts"], choices=list(METHODS)
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("-L", "--lookback", nargs="+", type=int, default=[336])
    parser.add_argument("-H", "--horizon", nargs="+", type=int, default=[96])
    parser.add_argument("--patience", type=int, default=5, help="epochs without a lower loss")
    parser.add_argument(
        "--set",
        nargs="+",
        type=parse_option,
        default=[],
        metavar="[METHOD.]NAME=VALUE",
        help="any argument of the models, for all or for one method; also lr, the learning rate, "
        "lr_factor, its factor after each epoch without a lower validation loss, and stride, steps "
        "from window to window in training",
    )
    parser.add_argument("--results", type=Path, default=RESULTS / "accuracy.csv")
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)

    datasets = {name: load(name, given.folder) for name in given.data}
    runs = []
    for name, lookback, horizon, backbone, method, seed in itertools.product(
        given.data, given.lookback, given.horizon, given.backbones, given.methods, given.seeds
    ):
        dataset = datasets[name]
        options = {"patience": given.patience, **options_of(method, given.set)}
        cell = Cell(dataset.name, lookback, horizon, backbone, method, options, seed)
        runs.append(Run(cell.key, partial(measure, cell, dataset)))
    print(markdown(table(complete(given.results, runs))))


if __name__ == "__main__":
    main()

"""HN-MVTS by Adam, with a smaller and smaller learning rate of what generates its heads.

Trainings, data and lengths are those of ``benchmarks.solved_heads``, whose made data set ``alike``
wants one head for all channels; ``plain`` has one. Rates are parts of the learning rate of the
backbone. A finished cell is a row of the results file and is not run again::

    python -m benchmarks.generator_rates
    python -m benchmarks.generator_rates --data ETTh1 --backbones rmlp
"""

import itertools
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from benchmarks import command_line
from benchmarks.cells import Cell, measure
from benchmarks.markdown import markdown
from benchmarks.protocol import load
from benchmarks.runs import RESULTS, Row, Run, complete
from benchmarks.solved_heads import WINDOWS, alike, cell

PARTS = (1.0, 0.3, 0.1, 0.03)
"""Of the backbone's learning rate."""


def cells(data: str, backbone: str, seed: int) -> list[Cell]:
    """Return the plain network, and HN-MVTS at every rate."""
    generated = cell(data, backbone, "hn-mvts", seed)
    rates = [part * generated.options["lr"] for part in PARTS]
    return [
        cell(data, backbone, "plain", seed),
        *(generated._replace(options={**generated.options, "generator_lr": r}) for r in rates),
    ]


def table(rows: Sequence[Row]) -> pd.DataFrame:
    """Return test errors over seeds, those of HN-MVTS as parts of the plain network's."""
    frame = pd.DataFrame(rows)
    frame["rate"] = [_rate(json.loads(options)) for options in frame["options"]]
    errors = frame.groupby(["dataset", "backbone", "rate"], sort=False)["test_mse"].mean().unstack()
    names = ["plain", *(f"generators at {part:g}" for part in PARTS)]
    errors[names[1:]] = errors[names[1:]].div(errors["plain"], axis=0)
    return errors[names].reset_index()


def _rate(options: dict[str, Any]) -> str:
    if "generator_lr" not in options:
        return "plain"
    return f"generators at {options['generator_lr'] / options['lr']:g}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run every cell that the arguments name and print the table."""
    parser = command_line.parser("benchmarks.generator_rates", __doc__, folder=True, threads=1)
    data = ["alike", "exchange_rate", "ETTh1"]
    parser.add_argument("--data", nargs="+", default=data, choices=list(WINDOWS))
    parser.add_argument("--backbones", nargs="+", default=["dlinear", "rmlp"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--results", type=Path, default=RESULTS / "generator_rates.csv")
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    command_line.silence()

    runs = []
    for name in given.data:
        dataset = alike() if name == "alike" else load(name, given.folder)
        for backbone, seed in itertools.product(given.backbones, given.seeds):
            several = cells(name, backbone, seed)
            runs += [Run(one.key, partial(measure, one, dataset)) for one in several]
    print(markdown(table(complete(given.results, runs))))


if __name__ == "__main__":
    main()

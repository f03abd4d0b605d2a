"""Rows of the results file, and how they are compared."""

import argparse
from collections.abc import Sequence
from typing import Any

from benchmarks.cells import Cell, measure
from benchmarks.protocol import load
from benchmarks.runs import Row, Run, complete, finished

TRAINING = {"solver": "adam", "lr_factor": 0.5, "patience": 3, "batch_size": 32}
"""Options of every cell that names no other."""


def rows_of(cells: Sequence[Cell], given: argparse.Namespace) -> Sequence[Row | None]:
    """Return the row of every cell, trained if it is not in the results yet and is to be."""

    def run(cell: Cell) -> Run:
        cell = cell._replace(options={**TRAINING, **cell.options})
        return Run(cell.key, lambda: measure(cell, load(cell.dataset, given.folder)))

    return (finished if given.finished else complete)(given.results, map(run, cells))


def change(row: dict[str, Any], reference: dict[str, Any], part: str) -> str:
    """Return by how much the error on a part is higher than that of a reference, in per cent."""
    ratio = row[f"{part}_mse"] / reference[f"{part}_mse"]
    return f"{100 * (ratio - 1):+.1f} %".replace("-", "\u2212")

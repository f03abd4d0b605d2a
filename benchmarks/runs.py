"""Runs whose results are rows of a file: what is in the file is not run again.

Every run adds its row as soon as it is done, so that what was stopped goes on where it was.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

RESULTS = Path(__file__).parent / "results"
"""Folder of the results files."""

Row = dict[str, Any]


class Run(NamedTuple):
    """Something to measure, and the columns that tell its row from others."""

    key: Row
    measure: Callable[[], Row]
    """Returns the other columns."""


def complete(path: Path, runs: Iterable[Run]) -> list[Row]:
    """Return the row of every run; run what the file lacks."""
    rows = []
    for run in runs:
        row = find(read_results(path), run.key)
        if row is None:
            row = {**run.key, **run.measure()}
            append_result(path, row)
            print(", ".join(f"{name}={value}" for name, value in row.items()), flush=True)
        rows.append(row)
    return rows


def finished(path: Path, runs: Iterable[Run]) -> list[Row | None]:
    """Return the row of every run that the file has, and run nothing."""
    results = read_results(path)
    return [find(results, run.key) for run in runs]


def read_results(path: Path) -> pd.DataFrame:
    """Read a results file; empty if there is none yet."""
    if not path.exists():
        return pd.DataFrame()
    text = dict.fromkeys(("data", "dataset", "options"), str)
    return pd.read_csv(path, keep_default_na=False, dtype=text)


def append_result(path: Path, row: Row) -> None:
    """Add one row to a results file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame([row]).to_csv(path, mode="a", header=not path.exists(), index=False)


def find(results: pd.DataFrame, key: Row) -> Row | None:
    """Return the last row with the values of a key, if there is one."""
    for name, value in key.items():
        if results.empty:
            return None
        results = results[results[name] == value]
    return None if results.empty else results.iloc[-1].to_dict()

"""The loop over runs: what the file has is not run again."""

from functools import partial

import pandas as pd
import pytest

from benchmarks.runs import Run, complete, finished


def test_what_was_stopped_goes_on(tmp_path):
    path, measured = tmp_path / "made" / "results.csv", []

    def measure(seed):
        measured.append(seed)
        if len(measured) == 2:
            raise KeyboardInterrupt
        return {"error": seed / 4}

    runs = [Run({"dataset": "07", "seed": seed}, partial(measure, seed)) for seed in range(3)]
    with pytest.raises(KeyboardInterrupt):
        complete(path, runs)
    assert finished(path, runs) == [{"dataset": "07", "seed": 0, "error": 0.0}, None, None]
    rows = complete(path, runs)
    assert measured == [0, 1, 1, 2]
    assert [(row["dataset"], row["error"]) for row in rows] == [
        ("07", seed / 4) for seed in range(3)
    ]
    assert finished(path, runs) == rows
    assert pd.read_csv(path).columns.tolist() == ["dataset", "seed", "error"]


def test_a_key_is_all_of_its_columns(tmp_path):
    path = tmp_path / "results.csv"
    complete(path, [Run({"data": "a", "seed": 0}, lambda: {"error": 1.0})])
    others = [Run({"data": "a", "seed": 1}, dict), Run({"data": "b", "seed": 0}, dict)]
    assert finished(path, others) == [None, None]

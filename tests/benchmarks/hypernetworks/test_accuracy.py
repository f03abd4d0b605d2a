"""Cells of the comparison, and its table."""

import numpy as np
import pytest

from benchmarks.hypernetworks import accuracy
from benchmarks.hypernetworks.accuracy import Budget, cells, runs, table
from benchmarks.runs import complete


@pytest.fixture(autouse=True)
def waves(dataset, monkeypatch):
    monkeypatch.setattr(accuracy, "load", lambda *given: dataset)
    monkeypatch.setattr(accuracy, "BUDGETS", {"waves": Budget(12, 4, 3, 8, 1)})
    monkeypatch.setitem(accuracy.TRAINING, "patience", 1)


def test_all_of_a_comparison_are_trained_alike(tmp_path):
    patchtst, rlinear = "HyperTransformer, PatchTST", "dynamic head, RLinear"
    trained = list(cells([patchtst, rlinear], ["waves"], [0, 1], None))
    assert [(one.comparison, one.role, one.cell.seed) for one in trained] == [
        (name, role, seed)
        for seed in (0, 1)
        for name in (patchtst, rlinear)
        for role in ("hypernetwork", "plain")
    ]
    for hyper, plain in zip(trained[::2], trained[1::2], strict=True):
        one, other = ({**t.cell.options, "backbone_kwargs": None} for t in (hyper, plain))
        assert one == other
    rows = complete(tmp_path / "results.csv", runs(trained[2:4], None))
    assert [row["method"] for row in rows] == ["dynamic", "plain"]
    assert all(np.isfinite(row["test_mse"]) for row in rows)
    assert rows[0]["folded_parameters"] is None


def test_the_table_by_hand():
    trained = list(cells(["dynamic head, RLinear"], ["waves"], [0, 1], None))
    errors = [1.0, 2.0, 3.0, 2.0]  # hypernetwork, plain; twice
    rows = [{**one.cell.key, "test_mse": mse} for one, mse in zip(trained, errors, strict=True)]
    [row] = table(trained, rows).to_dict("records")
    assert row["waves"] == "2.0000 ± 0.0000 → 2.0000 ± 1.4142, +0.0 %"
    assert row["beside"] == "plain"
    [row] = table(trained, [*rows[:3], None]).to_dict("records")  # the second seed is not done
    assert row["waves"] == "2.0000 → 1.0000, \u221250.0 %"

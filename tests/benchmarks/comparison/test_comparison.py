"""Validation decides between an estimator's options, and what is finished is not run again."""

import pytest

from benchmarks.comparison import __main__ as comparison
from benchmarks.comparison.__main__ import Lengths, main, measure
from benchmarks.comparison.estimators import Estimator, Fitted, Task, linear_regression
from benchmarks.comparison.networks import Repeated
from benchmarks.protocol import Dataset, evaluate


def repeat(task: Task, n_rows: int) -> Fitted:
    return Fitted(Repeated(n_rows, task.horizon), task.lookback, n_rows)


def test_what_validation_takes_is_tested(dataset: Dataset) -> None:
    task = Task(dataset, 12, 3, 1)
    errors = {n: evaluate(Repeated(n, 3), dataset, "validation", 12, 3).mse for n in (1, 9)}
    best = min(errors, key=lambda n: errors[n])
    for grid in [({"n_rows": 1}, {"n_rows": 9}), ({"n_rows": 9}, {"n_rows": 1})]:
        row = measure(Estimator("", repeat, grid), task)
        assert row["chosen"] == f'{{"n_rows": {best}}}'
        assert row["test_mse"] == round(evaluate(Repeated(best, 3), dataset, "test", 12, 3).mse, 6)


def test_what_is_too_large_is_left_out(dataset: Dataset, monkeypatch) -> None:
    monkeypatch.setattr("benchmarks.comparison.estimators.MAX_REGRESSORS", 1)
    grid = ({"by_channel": False}, {"by_channel": True})
    row = measure(Estimator("", linear_regression, grid), Task(dataset, 12, 3, 1))
    assert row["chosen"] == '{"by_channel": true}'


def test_a_finished_cell_is_not_run_again(dataset: Dataset, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(comparison, "DATA", {"New York": Lengths(12, 6, (3, 6))})
    monkeypatch.setattr(comparison, "new_york", lambda: dataset)
    arguments = ["--data", "New York", "--results", str(tmp_path / "r.csv"), "--estimators"]
    arguments += ["last value", "seasonal naive", "BackboneModel, exact", "DLinearModel"]
    with monkeypatch.context() as patch:
        patch.setattr(comparison, "DATA", {"New York": Lengths(12, 6, (3,))})
        main(arguments)
    shown = capsys.readouterr().out

    def not_again(estimator, task):
        raise AssertionError("A cell that is finished was run again.")

    monkeypatch.setattr(comparison, "measure", not_again)
    main([*arguments, "--horizons", "3"])
    assert capsys.readouterr().out in shown
    with pytest.raises(AssertionError):
        main(arguments)

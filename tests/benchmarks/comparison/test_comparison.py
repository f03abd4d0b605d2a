"""Validation decides between an estimator's options, and what is finished is not run again."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from benchmarks.comparison import __main__ as comparison
from benchmarks.comparison import elsewhere, estimators
from benchmarks.comparison.__main__ import cells, main
from benchmarks.comparison.budget import Budget
from benchmarks.comparison.estimators import by_gradients, linear_regression
from benchmarks.comparison.measuring import Estimator, Fitted, measure, network_fitted
from benchmarks.comparison.networks import Repeated
from benchmarks.comparison.tasks import Lengths, Task
from benchmarks.protocol import Dataset, evaluate, split
from benchmarks.solver.electricity import prices_and_known
from hyperforecast.darts import BackboneModel


def repeat(task: Task, n_rows: int) -> Fitted:
    return network_fitted(task, Repeated(n_rows, task.horizon), n_rows)


def test_what_validation_takes_is_tested(dataset: Dataset) -> None:
    task = Task(dataset, 12, 3, 1)
    errors = {n: evaluate(Repeated(n, 3), dataset, "validation", 12, 3).mse for n in (1, 9)}
    best = min(errors, key=lambda n: errors[n])
    expected = evaluate(Repeated(best, 3), dataset, "test", 12, 3)
    for grid in [({"n_rows": 1}, {"n_rows": 9}), ({"n_rows": 9}, {"n_rows": 1})]:
        row = measure(Estimator("", repeat, grid), task)
        assert row["chosen"] == f'{{"n_rows": {best}}}'
        for name in ("test", "all"):
            assert row[f"{name}_mse"] == pytest.approx(expected.mse, abs=1e-6)
            assert row[f"{name}_mae"] == pytest.approx(expected.mae, abs=1e-6)


def test_what_is_known_ahead_is_given_to_those_that_take_it(dataset: Dataset) -> None:
    prices, known = prices_and_known(dataset)
    task = Task(prices, 12, 3, 1, known)

    class Known(torch.nn.Module):
        def forward(self, past: torch.Tensor, before=None, ahead=None) -> torch.Tensor:
            return (torch.zeros(len(past), 3, 1) if ahead is None else ahead[..., :1])[..., None]

    def fit(task: Task) -> Fitted:
        return network_fitted(task, Known(), 0)

    future, (_, ahead) = task.windows("test")[1], task.known_windows("test")
    for knows, forecast in ((False, torch.zeros(1)), (True, ahead[..., :1])):
        row = measure(Estimator("", fit, knows=knows), task)
        expected = (future - forecast).square().mean().item()
        assert row["test_mse"] == row["all_mse"] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", ["HNMVTSModel, exact", "LinearRegressionModel"])
def test_errors_are_lower_with_what_is_known_ahead(name: str) -> None:
    values = np.random.default_rng(0).normal(size=(400, 2)).astype(np.float32)
    values[:, 1] = values[:, 0] + 0.3 * values[:, 1]
    prices, known = prices_and_known(Dataset("made", ["x", "y"], values, split(400)))
    estimator = estimators.ESTIMATORS[name]
    errors = [measure(estimator, Task(prices, 12, 6, 1, one))["test_mse"] for one in (known, None)]
    assert errors[0] < 0.3 < 0.8 < errors[1]


def test_what_takes_no_covariates_with_shared_weights_is_given_none(
    dataset: Dataset, monkeypatch
) -> None:
    monkeypatch.setattr(estimators, "PROCESSOR_SECONDS", 0.0)
    prices, known = prices_and_known(dataset)
    of_noise = replace(known, values=known.values + 1.0)
    for shared in (True, False):
        made = []
        for one in (known, of_noise):
            fitted = estimators.ESTIMATORS["NLinearModel"].fit(
                Task(prices, 12, 3, 1, one), shared_weights=shared
            )
            assert fitted.known is not shared
            made.append(fitted.forecast("test"))
        assert made[0].equal(made[1]) is shared


def test_errors_on_few_windows_are_those_of_these_windows(dataset: Dataset, monkeypatch) -> None:
    monkeypatch.setattr("benchmarks.comparison.tasks.FEW", 4)
    task = Task(dataset, 12, 3, 1)
    fitted = repeat(task, 2)
    few = task.few(len(task.windows("test")[0]))

    def of_few(task: Task) -> Fitted:
        return Fitted(lambda part: fitted.forecast(part)[few], 0, few=True)

    row = measure(Estimator("", of_few), task)
    everybody = measure(Estimator("", partial(repeat, n_rows=2)), task)
    assert (row["few_mse"], row["few_mae"]) == (everybody["few_mse"], everybody["few_mae"])
    assert row["test_mse"] == ""
    assert everybody["few_mse"] != everybody["test_mse"]


def test_what_is_too_large_is_left_out(dataset: Dataset, monkeypatch) -> None:
    # of 69 windows of 3 channels with 15 rows each; every third window is small enough
    monkeypatch.setattr(estimators, "MAX_REGRESSORS", 84 * 3 * 15 // 3)
    grid = ({"by_channel": False}, {"by_channel": True})
    row = measure(Estimator("", linear_regression, grid), Task(dataset, 12, 3, 1))
    assert row["chosen"] == '{"by_channel": true}'


def test_training_ends_when_the_budget_is_spent(dataset: Dataset, monkeypatch) -> None:
    task = Task(dataset, 12, 3, 1)
    monkeypatch.setattr(estimators, "BATCH", 1)
    monkeypatch.setattr(estimators, "PROCESSOR_SECONDS", 0.0)
    estimator = by_gradients("", partial(BackboneModel, solver="adam"), ({},))
    assert estimator.fit(task).steps == 1


def test_a_budget_counts_from_the_beginning_of_its_stage(monkeypatch) -> None:
    class Trainer:
        should_stop = False

    budget, trainer = Budget(seconds=1e9), Trainer()
    budget.on_fit_start(trainer, None)  # type: ignore[arg-type]
    budget.on_train_batch_end(trainer)  # type: ignore[arg-type]
    assert not trainer.should_stop
    budget.seconds = -1.0
    budget.on_train_batch_end(trainer)  # type: ignore[arg-type]
    assert trainer.should_stop
    assert budget.steps == 2


def test_what_has_no_environment_says_how_to_make_it(
    dataset: Dataset, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(elsewhere, "PYTHON", tmp_path / "python")
    with pytest.raises(FileNotFoundError, match="make comparison-environment"):
        elsewhere.measure_elsewhere("NHITS", Task(dataset, 12, 3, 1))


def test_the_first_horizons_of_all_data_come_first(monkeypatch) -> None:
    data = {"a": Lengths(1, 1, (2, 3)), "b": Lengths(1, 1, (5,)), "c": Lengths(1, 1, (2, 9))}
    monkeypatch.setattr(comparison, "DATA", data)
    naive = ["last value"]
    first, second = [("a", 2), ("b", 5), ("c", 2)], [("a", 3), ("c", 9)]
    assert [cell[:2] for cell in cells("abc", None, naive)] == [*first, *second]
    assert [cell[:2] for cell in cells("ac", [9, 2], naive)] == [("a", 2), ("c", 2), ("c", 9)]
    both = [cell[2] for cell in cells("abc", [2], ["DLinearModel", "last value"])]
    assert both == ["last value", "last value", "DLinearModel", "DLinearModel"]


def test_a_finished_cell_is_not_run_again(dataset: Dataset, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(comparison, "DATA", {"New York": Lengths(12, 6, (3, 6))})
    monkeypatch.setattr(comparison, "new_york", lambda: dataset)
    arguments = ["--data", "New York", "--results", str(tmp_path / "r.csv"), "--estimators"]
    arguments += ["last value", "seasonal naive", "BackboneModel, exact"]
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


def test_without_their_baseline_there_are_errors_and_no_scores(
    dataset: Dataset, tmp_path, capsys, monkeypatch
) -> None:
    monkeypatch.setattr(comparison, "DATA", {"New York": Lengths(12, 6, (3,))})
    monkeypatch.setattr(comparison, "new_york", lambda: dataset)
    arguments = ["--data", "New York", "--results", str(tmp_path / "r.csv"), "--estimators"]
    main([*arguments, "last value"])
    shown = capsys.readouterr().out
    assert "mse:" in shown
    assert "scores" not in shown

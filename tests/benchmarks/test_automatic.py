"""The benchmark of the automatic model."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import automatic
from benchmarks.automatic import Task, errors_and_coverage, measure, model_of, scaled, tables
from hyperforecast.darts import AutoHyperModel


@pytest.fixture
def task() -> Task:
    index = pd.date_range("2020-01-01", periods=80, freq="D")
    values = np.random.default_rng(0).normal(size=(80, 2)).cumsum(axis=0)
    series = scaled(pd.DataFrame(values, index=index, columns=["a", "b"]), 20)
    return Task("made", [series], n_test=20, horizon=3)


def test_channels_are_in_units_of_the_rows_before(task: Task) -> None:
    before = task.series[0][:60].values()
    np.testing.assert_allclose(before.mean(axis=0), 0.0, atol=1e-6)
    np.testing.assert_allclose(before.std(axis=0), 1.0, rtol=1e-5)


def test_errors_are_those_of_all_windows_of_the_test_part(task: Task) -> None:
    row = measure(task, model_of("last value", 8, 3))
    values = task.series[0].values()
    errors = [values[t : t + 3] - values[t - 1] for t in range(60, 78)]
    assert row["windows"] == 18
    assert row["mse"] == pytest.approx(np.square(errors).mean(), abs=1e-5)
    assert row["mae"] == pytest.approx(np.abs(errors).mean(), abs=1e-5)
    assert row["coverage"] == ""


def test_coverage_is_that_of_nine_of_ten(task: Task) -> None:
    before = task.series[0][:60]
    model = AutoHyperModel(8, 3, candidates=["last value"]).fit(before)
    errors, covered = errors_and_coverage(task, model)
    wide = model.predict(3, before, predict_likelihood_parameters=True).values().reshape(3, 2, -1)
    middle = wide[..., wide.shape[-1] // 2]
    # errors less than the offsets of the last forecast: these are the same for every window
    low, high = wide[..., 0] - middle, wide[..., -1] - middle
    assert not model.network.channel_offsets.spans
    assert covered == pytest.approx(np.mean((low <= -errors) & (-errors <= high)), abs=0.02)


def test_ratios_are_to_the_best_and_to_seasonal_naive() -> None:
    rows = [
        {"data": "made", "model": name, "mse": mse, "chosen": "", "verdict": ""}
        for name, mse in (("last value", 4.0), ("one for all", 1.0), ("automatic", 2.0))
    ]
    for row in rows:
        row |= dict.fromkeys(("lookback", "coverage", "seconds", "processor_seconds"), 1)
    first, _ = tables(rows)
    line = first.splitlines()[-1]
    assert [cell.strip() for cell in line.split("|")][-4:-1] == ["2", "0.5", ""]


def test_presets_have_the_time_that_their_row_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automatic, "tasks", lambda folder: {"made": lambda: "a task"})
    monkeypatch.setattr(automatic, "of_automatic", lambda task, **options: {"of": task, **options})
    for limit, said in ((None, ""), (300.0, "300 s")):
        (run,) = automatic.runs_of_presets(None, [], ["medium"], limit)
        assert run.key == {"data": "made", "time_limit": said, "presets": "medium"}
        assert run.measure() == {
            "of": "a task",
            "presets": "medium",
            "time_limit": limit,
            "random_state": 0,
        }

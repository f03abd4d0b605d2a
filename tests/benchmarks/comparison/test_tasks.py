"""Windows that everybody is compared on."""

import numpy as np
import pytest
import torch

from benchmarks.comparison.tasks import Task, in_batches
from benchmarks.protocol import Dataset, windows
from benchmarks.solver.electricity import prices_and_known


@pytest.fixture
def task(dataset: Dataset) -> Task:
    return Task(dataset, lookback=12, horizon=5, season=6)


@pytest.fixture
def knowing(dataset: Dataset) -> Task:
    """The last of three channels, the others known ahead."""
    prices, known = prices_and_known(dataset)
    return Task(prices, lookback=12, horizon=5, season=6, known=known)


def test_windows_of_test_are_those_of_the_protocol(task: Task) -> None:
    past, future = task.windows("test", stride=1)
    expected = windows(task.dataset.rows("test", 12), 17)
    torch.testing.assert_close(torch.cat([past, future], dim=1), expected, rtol=0, atol=0)


def test_windows_see_a_season_that_is_longer_than_the_lookback(dataset: Dataset) -> None:
    past, future = Task(dataset, lookback=4, horizon=5, season=9).windows("test")
    begin = dataset.bounds["test"][0]
    np.testing.assert_array_equal(past[0], dataset.values[begin - 9 : begin])
    np.testing.assert_array_equal(future[0], dataset.values[begin : begin + 5])


def test_strides_keep_to_the_number_of_windows_and_meet_all_times_of_a_season(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = {"train": 30, "validation": 256, "test": 11}
    monkeypatch.setattr("benchmarks.comparison.tasks.MAX_WINDOWS", limits)
    # 20 windows of test, 68 of training: every second or third one, but a season has six rows
    assert [task.stride(part) for part in ("train", "validation", "test")] == [5, 1, 5]
    assert len(task.windows("test")[0]) == 4


def test_statistical_models_forecast_the_first_and_the_last_window(task: Task) -> None:
    few = task.few(1000)
    assert (few[0], few[-1], len(few)) == (0, 999, 32)
    assert len(task.few(3)) == 3


def test_a_task_is_read_as_it_was_saved(task: Task, tmp_path) -> None:
    task.save(tmp_path / "task.npz")
    read = Task.read(tmp_path / "task.npz")
    assert read[1:] == task[1:]
    assert read.dataset.bounds == task.dataset.bounds
    assert read.dataset.channels == task.dataset.channels
    np.testing.assert_array_equal(read.dataset.values, task.dataset.values)


def test_what_is_known_is_read_as_it_was_saved(knowing: Task, tmp_path) -> None:
    knowing.save(tmp_path / "task.npz")
    read = Task.read(tmp_path / "task.npz")
    assert read.known is not None
    assert (read.dataset.channels, read.known.channels) == (["c"], ["a", "b"])
    assert vars(read.known).keys() == vars(knowing.known).keys()
    np.testing.assert_array_equal(read.known.values, knowing.known.values)


def test_what_is_known_is_of_the_rows_of_the_windows(knowing: Task, dataset: Dataset) -> None:
    # the season is longer than the lookback, whose rows alone are known
    task = knowing._replace(season=20)
    past, future = task.windows("test")
    before, ahead = task.known_windows("test")
    expected = windows(dataset.rows("test", 12), 17)[:: task.stride("test")]
    together = torch.cat(
        [torch.cat([before, ahead], dim=1), torch.cat([past[:, -12:], future], dim=1)], dim=2
    )
    torch.testing.assert_close(together, expected, rtol=0, atol=0)
    assert knowing._replace(known=None).known_windows("test") == ()


def test_batches_change_no_forecast() -> None:
    past, known = torch.randn(7, 4, 3), torch.randn(7, 2, 1)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 6))
    network.append(torch.nn.Unflatten(1, (2, 3, 1)))
    with torch.no_grad():
        expected = network(past).squeeze(-1)
    torch.testing.assert_close(in_batches(network, past, max_values=25), expected)

    def adds(past: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        return network(past) + known[..., None]

    made = in_batches(adds, past, known, max_values=25)
    torch.testing.assert_close(made, expected + known)

"""The timer, against clocks that are set by hand."""

import itertools
import time

import pytest

from benchmarks.timing import Clock, in_turns, least, median, timed


@pytest.fixture
def clocks(monkeypatch):
    """Let wall time go on by 1, 2, 3, ... from reading to reading; processor time by twice that."""
    for name, factor in (("perf_counter", 1), ("process_time", 2)):
        readings = itertools.accumulate(itertools.count(1))
        monkeypatch.setattr(time, name, lambda f=factor, r=readings: float(f * next(r)))


def test_a_task_is_timed_by_both_clocks(clocks):
    # readings 1 and 3
    assert timed(lambda: "done") == ("done", Clock(wall=2.0, processor=4.0))


def test_tasks_take_turns_after_warming_up(clocks):
    done = []
    tasks = {name: lambda name=name: done.append(name) for name in "ab"}
    times = in_turns(tasks, 2, warm_up=1)
    rounds = [done[i : i + 2] for i in range(0, len(done), 2)]
    assert [sorted(one) for one in rounds] == [["a", "b"]] * 3
    # the first task of the run took 2, the second 4, and so on; the first round does not count
    expected = {name: [] for name in "ab"}
    for i, name in enumerate(done):
        if i >= 2:
            expected[name].append(Clock(2.0 * (i + 1), 4.0 * (i + 1)))
    assert times == expected


def test_median_and_least_of_each_clock():
    times = [Clock(3.0, 1.0), Clock(1.0, 2.0), Clock(2.0, 9.0)]
    assert median(times) == Clock(2.0, 2.0)
    assert least(times) == Clock(1.0, 1.0)

"""How long things take: wall-clock seconds, and the processor seconds of all threads.

Other work on the machine disturbs processor seconds less. What is compared takes turns, so that
what else the machine does falls on all alike.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

Result = TypeVar("Result")


class Clock(NamedTuple):
    """A time, or how long something took, in seconds."""

    wall: float
    processor: float

    @classmethod
    def now(cls) -> "Clock":
        """Read the clocks."""
        return cls(time.perf_counter(), time.process_time())

    def since(self, start: "Clock") -> "Clock":
        """Return the time from a start on."""
        return Clock(self.wall - start.wall, self.processor - start.processor)


def timed(task: Callable[[], Result]) -> tuple[Result, Clock]:
    """Return what a task returns, and how long it took."""
    start = Clock.now()
    result = task()
    return result, Clock.now().since(start)


def in_turns(
    tasks: Mapping[str, Callable[[], object]], repetitions: int, *, warm_up: int = 3
) -> dict[str, list[Clock]]:
    """Time every task ``repetitions`` times; they take turns, in a new order each round.

    Parameters
    ----------
    tasks : dict
    repetitions : int
    warm_up : int, default=3
        Rounds before those that count.
    """
    generator = np.random.default_rng(0)
    times: dict[str, list[Clock]] = {name: [] for name in tasks}
    for i in range(warm_up + repetitions):
        for name in generator.permutation(list(tasks)).tolist():
            _, taken = timed(tasks[name])
            if i >= warm_up:
                times[name].append(taken)
    return times


def median(times: Sequence[Clock]) -> Clock:
    """Return the medians of both clocks."""
    return Clock(*map(statistics.median, zip(*times, strict=True)))


def least(times: Sequence[Clock]) -> Clock:
    """Return the least times of both clocks."""
    return Clock(*map(min, zip(*times, strict=True)))

"""Seconds that the automatic model may take, by a clock that the tests move."""

import math

import pytest

from hyperforecast.darts.automatic.time_limit import TimeLimit


class Clock:
    """Says the time that it was set to."""

    time = 100.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_none_never_ends(clock: Clock) -> None:
    limit = TimeLimit(None, now=clock)
    is_late = limit.of_candidate()
    limit.note(1e9)
    clock.time = 1e12
    assert not is_late()
    assert not limit.is_over()
    assert limit.left == math.inf
    assert not limit.is_reached


def test_keeps_back_what_the_longest_fit_took(clock: Clock) -> None:
    limit = TimeLimit(10.0, now=clock)
    limit.note(3.0)
    limit.note(2.0)
    assert limit.left == 7.0
    clock.time = 106.9
    assert not limit.is_over()
    assert not limit.is_reached
    clock.time = 107.0
    assert limit.is_over()
    assert limit.left == 0.0
    assert limit.is_reached


@pytest.mark.parametrize(
    ("last_fit", "noted", "end"),
    [
        (1.0, 0.0, 105.0),  # as long again for its own fit on all rows
        (4.0, 0.0, 102.0),
        (1.0, 4.0, 105.0),
        (1.0, 8.0, 102.0),  # for the fit of the one before
        (2.0, 4.0, 102.0),
        (1.0, 20.0, 90.0),  # which has no time left: at once
    ],
)
def test_a_candidate_leaves_what_its_last_fit_may_take(
    clock: Clock, last_fit: float, noted: float, end: float
) -> None:
    limit = TimeLimit(10.0, last_fit, clock)
    limit.note(noted)
    is_late = limit.of_candidate()
    clock.time = end - 0.1
    assert not is_late()
    assert not limit.is_reached
    clock.time = end
    assert is_late()
    assert limit.is_reached


def test_what_a_last_fit_takes_may_be_told_in_seconds(clock: Clock) -> None:
    limit = TimeLimit(10.0, 2.0, clock)
    assert limit.note(1.5) == 3.0
    assert limit.left_beside(4.0) == 6.0
    assert limit.left_beside(1.0) == limit.left == 7.0
    assert limit.keep(4.0) == 4.0
    assert limit.left == 6.0
    assert limit.left_beside(11.0) == 0.0


def test_seconds_of_a_candidate_leave_those_of_last_fits(clock: Clock) -> None:
    limit = TimeLimit(12.0, 9.0, clock)
    assert limit.seconds_for(0.5) == 8.0
    limit.keep(5.0)
    assert limit.seconds_for(0.5) == 7.0
    clock.time = 108.0
    assert limit.seconds_for(0.5) == -1.0


def test_what_is_told_to_end_does_so_by_the_clock(clock: Clock) -> None:
    limit = TimeLimit(10.0, now=clock)
    limit.keep(4.0)
    some, last = limit.until(3.0), limit.of_last_fit()
    clock.time = 102.9
    assert not some()
    clock.time = 103.0
    assert some()
    assert not last()
    clock.time = 110.0
    assert last()


def test_a_sum_is_fitted_where_there_is_time_for_all_of_it(clock: Clock) -> None:
    limit = TimeLimit(10.0, now=clock)
    limit.keep(4.0)
    assert limit.suffices_for(10.0)
    assert not limit.is_reached
    assert not limit.suffices_for(10.1)
    assert limit.is_reached

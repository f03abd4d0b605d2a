"""Turns at torch's random numbers, of which a process has one state for all threads."""

import functools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

import torch

P = ParamSpec("P")
R = TypeVar("R")


class FairLock:
    """A lock that threads are given in the order in which they asked for it.

    Of torch's and Python's own locks a thread that asks again at once gets it before those that
    wait.
    """

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._held = False
        self._waiting: deque[threading.Lock] = deque()

    @property
    def wanted(self) -> bool:
        """Whether a thread waits."""
        return bool(self._waiting)

    def acquire(self) -> None:
        """Wait for the lock."""
        with self._mutex:
            if not self._held:
                self._held = True
                return
            ticket = threading.Lock()
            ticket.acquire()
            self._waiting.append(ticket)
        try:
            ticket.acquire()  # released by the thread before
        except BaseException:  # interrupted while it waited
            with self._mutex:
                is_ours = ticket not in self._waiting
                if not is_ours:
                    self._waiting.remove(ticket)
            if is_ours:
                self.release()
            raise

    def release(self) -> None:
        """Hand the lock to the thread that has waited longest."""
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False


class _Turns(threading.local):
    """What a thread knows of its turn."""

    depth = 0
    outside: Any = None  # the state that everyone else sees


_lock = FairLock()
_turns = _Turns()


def _new_lock() -> None:
    global _lock
    _lock = FairLock()


if hasattr(os, "register_at_fork"):
    # in a new process no other thread is left that would release it
    os.register_at_fork(after_in_child=_new_lock)


@contextmanager
def random_turn() -> Iterator[None]:
    """Have torch's random numbers to oneself, and leave their state as it was found.

    Whoever draws from them in seeded order needs a turn: torch seeds one generator for all
    threads, and most of its functions draw from no other. Turns nest.
    """
    if _turns.depth == 0:
        _lock.acquire()
        _turns.outside = random_states()
    _turns.depth += 1
    try:
        yield
    finally:
        _turns.depth -= 1
        if _turns.depth == 0:
            set_random_states(_turns.outside)
            _lock.release()


@contextmanager
def turn_lent() -> Iterator[None]:
    """Let other threads have a turn during work that draws no random numbers."""
    if _turns.depth == 0:
        yield
        return
    inside = random_states()
    set_random_states(_turns.outside)
    _lock.release()
    try:
        yield
    finally:
        _lock.acquire()
        _turns.outside = random_states()
        set_random_states(inside)


def give_way() -> None:
    """Let the threads that wait have a turn, and go on with the random numbers of before."""
    if _lock.wanted:
        with turn_lent():
            pass


def in_turn(method: Callable[P, R]) -> Callable[P, R]:
    """Make a function that has a :func:`random_turn`."""

    @functools.wraps(method)
    def with_turn(*args: P.args, **kwargs: P.kwargs) -> R:
        with random_turn():
            return method(*args, **kwargs)

    return with_turn


def random_states() -> dict[str, Any]:
    """Return the states of torch's generators: the CPU's, and those of CUDA where it is in use."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return {"cpu": torch.get_rng_state(), "cuda": cuda}


def set_random_states(states: dict[str, Any]) -> None:
    """Set the states of torch's generators."""
    torch.set_rng_state(states["cpu"].cpu())
    for device, state in enumerate(states["cuda"][: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(state.cpu(), device)

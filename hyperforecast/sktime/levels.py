"""Levels that quantiles and intervals are asked for at."""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")


def checking_levels(name: str, method: Callable[P, R]) -> Callable[P, R]:
    """Return a prediction that checks one of its arguments to be a level, or a list of levels."""
    signature = inspect.signature(method)

    @functools.wraps(method)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        given = signature.bind_partial(*args, **kwargs).arguments.get(name)
        if given is not None:
            check_levels(name, given)
        return method(*args, **kwargs)

    return checked


def check_levels(name: str, given: Any) -> None:
    """Raise unless an argument is a number between 0 and 1, or a list of such."""
    levels = given if isinstance(given, (Sequence, np.ndarray)) else [given]
    if isinstance(given, str) or not all(
        isinstance(one, (int, float, np.number)) and not isinstance(one, bool) and 0 < one < 1
        for one in levels
    ):
        raise ValueError(
            f"{name} must be a number between 0 and 1, or a list of such numbers; got {given!r}."
        )

"""What stands against a probabilistic forecast: nothing learned, or levels that are none."""

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


def needing_a_distribution(what: str, method: Callable[P, R]) -> Callable[P, R]:
    """Return a prediction that says what to give where a forecaster has learned points only."""

    @functools.wraps(method)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        forecaster: Any = args[0]
        if not forecaster.get_tag("capability:pred_int"):
            raise NotImplementedError(
                f"{type(forecaster).__name__} has learned no distribution, so there are no {what}. "
                "Give it quantiles, for example quantiles=(0.05, 0.5, 0.95), or a likelihood such "
                "as likelihood='gaussian', and fit again."
            )
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

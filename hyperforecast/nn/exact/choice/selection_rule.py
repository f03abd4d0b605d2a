"""When a richer candidate takes the place of a simpler one, and how strong a ridge may be."""

import math
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, TypeVar

from torch import Tensor

from hyperforecast.nn.exact.uncertainty.standard_error import exceeds_standard_error

LEAST_GAIN = 0.01
"""Part of the error that a richer setting has to save, whatever its standard error."""


class HasError(Protocol):
    """What was fitted, and its mean squared error on validation."""

    @property
    def error(self) -> float: ...  # noqa: D102


C = TypeVar("C", bound=HasError)


class HasWindows(Protocol):
    """Single validation windows, whose errors tell how sure a gain is.

    Attributes
    ----------
    times, series : Tensor, shape (T,), int64
        See :func:`~hyperforecast.nn.exact.uncertainty.standard_error.exceeds_standard_error`.
    n_apart : int
    """

    times: Tensor
    series: Tensor
    n_apart: int

    def errors(self, candidate: Any) -> Tensor: ...  # noqa: D102


def gains_clearly(
    rich: HasError, simple: HasError, windows: HasWindows, least: float = 0.0
) -> bool:
    """Say whether a gain exceeds a least part of the error, and its own standard error."""
    if math.isinf(simple.error):  # nothing but rounding: anything else is better
        return math.isfinite(rich.error)
    if simple.error - rich.error <= least * simple.error:
        return False
    gains = windows.errors(simple) - windows.errors(rich)  # (C, T), of some windows
    return exceeds_standard_error(gains, windows.times, windows.series, windows.n_apart)


def not_clearly_worse(best: C, stronger: Iterable[C], windows: HasWindows) -> Iterator[C]:
    """Yield candidates of larger and larger ridges as long as they lose neither clearly nor much.

    A form of the one-standard-error rule: see Hastie, Tibshirani & Friedman, "The Elements of
    Statistical Learning", 2009, section 7.10.
    """
    for one in stronger:
        loses_much = one.error > best.error * (1 + LEAST_GAIN)
        if loses_much or gains_clearly(best, one, windows):
            return
        yield one

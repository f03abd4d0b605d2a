"""Predictions from several threads."""

import functools
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from sktime.forecasting.base import BaseForecaster

Method = TypeVar("Method", bound=Callable[..., Any])

_PREDICTION = threading.RLock()


def one_at_a_time(method: Method) -> Method:
    """Let calls of a method, and of others like it, wait for each other."""

    @functools.wraps(method)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with _PREDICTION:
            return method(*args, **kwargs)

    return wrapper  # type: ignore[return-value]


class OneAtATime(BaseForecaster):
    """Forecasters that may be asked from several threads, and answer one after the other.

    sktime keeps the horizon that was asked for on the forecaster, and Darts what was asked for on
    its model; samples are drawn from torch's random state, of which a process has one. So the
    lock is one for all forecasters of a process.
    """

    predict = one_at_a_time(BaseForecaster.predict)
    predict_interval = one_at_a_time(BaseForecaster.predict_interval)
    predict_quantiles = one_at_a_time(BaseForecaster.predict_quantiles)
    predict_var = one_at_a_time(BaseForecaster.predict_var)
    predict_proba = one_at_a_time(BaseForecaster.predict_proba)

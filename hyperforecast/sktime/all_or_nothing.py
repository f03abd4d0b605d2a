"""Methods that change a forecaster wholly, or not at all."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from sktime.forecasting.base import BaseForecaster

Method = TypeVar("Method", bound=Callable[..., Any])


def unchanged_on_error(method: Method) -> Method:
    """Let a method put back all attributes where it raises, also where it is interrupted."""

    @functools.wraps(method)
    def wrapper(self: BaseForecaster, *args: Any, **kwargs: Any) -> Any:
        before = dict(self.__dict__)
        # the one attribute that sktime changes in place
        converters = dict(self._converter_store_y)
        try:
            return method(self, *args, **kwargs)
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            self._converter_store_y.clear()
            self._converter_store_y.update(converters)
            raise

    return wrapper  # type: ignore[return-value]


class AllOrNothing:
    """Forecasters that are left as they were by what fails.

    sktime stores new rows and moves the cutoff before a forecaster learns from them, and drops
    what was fitted before it fits again.
    """

    fit = unchanged_on_error(BaseForecaster.fit)
    pretrain = unchanged_on_error(BaseForecaster.pretrain)
    update = unchanged_on_error(BaseForecaster.update)
    update_predict = unchanged_on_error(BaseForecaster.update_predict)
    update_predict_single = unchanged_on_error(BaseForecaster.update_predict_single)

"""The sktime forecasters, asked from several threads at once."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pandas as pd
import pytest
from sktime.forecasting.base import BaseForecaster

from hyperforecast.sktime import BackboneForecaster, HNMVTSForecaster

L = 12


def in_threads(calls: list[Callable[[], Any]]) -> list[Any]:
    with ThreadPoolExecutor(4) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


@pytest.fixture
def fitted(panel: pd.DataFrame) -> Any:
    """Sample paths are drawn beyond the second step."""
    forecaster = HNMVTSForecaster(L, 2, likelihood="gaussian", n_epochs=1, random_state=0)
    return forecaster.fit(panel)


def test_equal_to_one_after_the_other(fitted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    check_fh = BaseForecaster._check_fh

    def slowly(self: Any, *args: Any, **kwargs: Any) -> Any:
        """Give other threads time to ask for another horizon, which sktime keeps on self."""
        check_fh(self, *args, **kwargs)
        time.sleep(0.005)
        return self._fh

    monkeypatch.setattr(BaseForecaster, "_check_fh", slowly)
    horizons = [[1], [1, 2], [2, 3], [1, 4]] * 3
    calls = [lambda fh=fh: fitted.predict(fh=fh) for fh in horizons]
    serial = [call() for call in calls]
    for found, expected in zip(in_threads(calls), serial, strict=True):
        pd.testing.assert_frame_equal(found, expected)


def test_of_every_kind(fitted: Any) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: fitted.predict(fh=[1, 2]),
        lambda: fitted.predict_interval(fh=[3], coverage=0.8),
        lambda: fitted.predict_quantiles(fh=[1, 4], alpha=[0.1, 0.9]),
        lambda: fitted.predict_var(fh=[2]),
        lambda: fitted.predict_proba(fh=[1]).mean(),
    ]
    serial = [call() for call in calls]
    for found, expected in zip(in_threads(calls * 3), serial * 3, strict=True):
        pd.testing.assert_frame_equal(found, expected)


def test_of_several_forecasters(panel: pd.DataFrame) -> None:
    """They draw from one random state of torch."""
    forecasters = [
        BackboneForecaster(L, 1, likelihood=name, n_epochs=1, random_state=i).fit(panel)
        for i, name in enumerate(("gaussian", "laplace", "cauchy", "gumbel"))
    ]
    calls = [lambda f=f: f.predict_quantiles(fh=[1, 2, 3], alpha=[0.1, 0.9]) for f in forecasters]
    serial = [call() for call in calls]
    for found, expected in zip(in_threads(calls * 3), serial * 3, strict=True):
        pd.testing.assert_frame_equal(found, expected)

"""Levels that quantiles and intervals are asked for at."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from hyperforecast.sktime import BackboneForecaster


@pytest.fixture
def fitted(panel: pd.DataFrame) -> BackboneForecaster:
    forecaster = BackboneForecaster(8, solver="exact", quantiles=(0.1, 0.5, 0.9))
    return forecaster.fit(panel, fh=[1, 2])


@pytest.mark.parametrize("wrong", ["0.5", "half", 0, 1.5, [0.1, "0.9"], [None], True, {"a": 0.5}])
def test_wrong_levels_are_named(wrong: Any, fitted: BackboneForecaster) -> None:
    for name, method in (
        ("alpha", fitted.predict_quantiles),
        ("coverage", fitted.predict_interval),
    ):
        with pytest.raises(ValueError, match=f"{name} must be a number between 0 and 1, or a list"):
            method(**{name: wrong})


@pytest.mark.parametrize("right", [0.5, [0.1, 0.5], (0.2,), np.array([0.3, 0.7])])
def test_numbers_of_all_kinds_are_levels(right: Any, fitted: BackboneForecaster) -> None:
    assert len(fitted.predict_quantiles(alpha=right)) == 2
    assert len(fitted.predict_quantiles(None, None, right)) == 2


@pytest.mark.parametrize("method", ["interval", "quantiles", "var", "proba"])
def test_without_a_distribution_it_is_said_what_to_give(method: str, panel: pd.DataFrame) -> None:
    forecaster = BackboneForecaster(8).fit(panel, fh=[1, 2])
    with pytest.raises(NotImplementedError, match=r"Give it quantiles, for example quantiles=\(0"):
        getattr(forecaster, f"predict_{method}")()

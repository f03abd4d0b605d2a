"""Errors, against values by hand."""

import numpy as np
import pandas as pd
import pytest

from hyperforecast.demo.errors import measure
from hyperforecast.demo.plan import Plan


def test_errors_by_hand() -> None:
    data = pd.DataFrame({"a": [0.0, 0, 0, 1, 2], "b": [0.0, 0, 0, 10, 20]})
    plan = Plan(data, first_test_row=3, horizon=2, lookback=1, stride=1)
    forecast = pd.DataFrame({"a": [0.0, 0], "b": [0.0, 0]})
    entry = measure("m", "Darts", [forecast], 1.0, plan, np.array([1.0, 10.0]), None)
    assert entry.mae == pytest.approx(1.5)
    assert entry.mse.to_dict() == pytest.approx({"a": 2.5, "b": 2.5})


def test_missing_values_count_for_nothing() -> None:
    data = pd.DataFrame({"a": [0.0, 0, 0, 1, np.nan], "b": [0.0, 0, 0, 10, 20], "c": np.nan})
    plan = Plan(data, first_test_row=3, horizon=2, lookback=1, stride=1)
    forecast = pd.DataFrame(np.zeros((2, 3)), columns=list("abc"))
    entry = measure("m", "Darts", [forecast], 1.0, plan, np.array([1.0, 10.0, 1.0]), None)
    assert entry.mae == pytest.approx(1.25)  # of one and one and a half
    assert entry.mse.dropna().to_dict() == pytest.approx({"a": 1.0, "b": 2.5})

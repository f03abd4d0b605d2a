"""The errors of the competition, against values made by hand."""

import numpy as np
import pytest

from benchmarks.panels.m4_errors import HORIZON, NAIVE2, M4Weekly


def test_errors_are_those_of_the_competition() -> None:
    test = np.full((2, HORIZON), 3.0)
    data = M4Weekly(["a", "b"], [np.array([1.0, 2.0, 4.0]), np.array([0.0, 4.0])], test)
    found = data.errors(np.full((2, HORIZON), 1.0))
    assert found["sMAPE"] == pytest.approx(100.0)
    assert found["MASE"] == pytest.approx((2 / 1.5 + 2 / 4) / 2, abs=1e-3)
    owa = (100.0 / NAIVE2["sMAPE"] + (2 / 1.5 + 2 / 4) / 2 / NAIVE2["MASE"]) / 2
    assert found["OWA"] == pytest.approx(owa, abs=1e-3)

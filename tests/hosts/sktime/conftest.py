"""A made table for the tests of the sktime forecasters."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="module")
def y() -> pd.DataFrame:
    """160 months of channels a, b and c, each of which follows its own last value."""
    rng = np.random.default_rng(3)
    values = np.zeros((160, 3))
    for t in range(1, len(values)):
        values[t] = [0.9, -0.7, 0.2] * values[t - 1] + rng.normal(size=3)
    index = pd.period_range("2001-01", periods=len(values), freq="M")
    return pd.DataFrame(5 + 3 * values, index=index, columns=["a", "b", "c"])

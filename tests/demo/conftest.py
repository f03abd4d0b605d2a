"""Made series for the demo."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def make_table() -> Callable[..., pd.DataFrame]:
    """Make daily random walks, the same ones for the same arguments."""

    def make(n_rows: int, n_channels: int = 3) -> pd.DataFrame:
        random = np.random.default_rng(0)
        values = random.normal(size=(n_rows, n_channels)).cumsum(axis=0)
        index = pd.date_range("2020-01-01", periods=n_rows, freq="D", name="date")
        return pd.DataFrame(values, index=index, columns=[f"c{i}" for i in range(n_channels)])

    return make

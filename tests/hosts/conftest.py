"""Fixtures of the tests of the Darts models and sktime forecasters."""

from collections.abc import Callable

import pandas as pd
import pytest


@pytest.fixture
def make_series(make_panel: Callable[..., pd.DataFrame]) -> Callable:
    """Make a Darts series of the panel of the same arguments."""
    from darts import TimeSeries

    def make(n_rows: int = 120, n_channels: int = 3, **kwargs: object) -> TimeSeries:
        return TimeSeries.from_dataframe(make_panel(n_rows, n_channels, **kwargs), freq="D")

    return make


@pytest.fixture
def series(make_series: Callable):
    """120 days of channels a, b and c."""
    return make_series()

"""The table of fertility rates."""

import numpy as np
import pytest

from hyperforecast.datasets import load_fertility


def test_fertility_is_52_years_of_192_countries() -> None:
    rates = load_fertility()
    assert rates.shape == (52, 192)
    assert np.isfinite(rates.to_numpy()).all()
    assert (rates.index.freqstr, rates.index[0].year, rates.index[-1].year) == (
        "YS-JAN",
        1960,
        2011,
    )
    # the World Bank's figures
    assert rates.loc["1960", "Afghanistan"].item() == pytest.approx(7.671)
    assert rates.loc["2011", "Germany"].item() == pytest.approx(1.36, abs=0.05)

"""Simple fillings, and which values are taken out."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.missing_values import gaps, last_value, linear, mean, seasonal, table

NAN = np.nan
SERIES = np.array([NAN, 1.0, NAN, NAN, 4.0, NAN])[:, None]


@pytest.mark.parametrize(
    ("fill", "expected"),
    [
        (last_value, [1, 1, 1, 1, 4, 4]),
        (linear, [1, 1, 2, 3, 4, 4]),
        (mean, [0, 1, 0, 0, 4, 0]),
        (seasonal, [4, 1, 1, 1, 4, 1]),  # of four steps; what is left is the last value
    ],
)
def test_fillings(fill: object, expected: list[float]) -> None:
    before = SERIES.copy()
    np.testing.assert_array_equal(fill(SERIES, 4)[:, 0], expected)  # type: ignore[operator]
    np.testing.assert_array_equal(SERIES, before)


@pytest.mark.parametrize("pattern", ["random", "blocks"])
def test_about_a_share_is_taken_out_of_each_channel(pattern: str) -> None:
    missing = gaps((5000, 3), 0.2, pattern, seed=0)
    np.testing.assert_allclose(missing.mean(axis=0), 0.2, atol=0.02)
    assert (missing[:, 0] != missing[:, 1]).any()
    runs = np.diff(np.flatnonzero(np.diff(np.pad(missing[:, 0].astype(int), 1)))[:20])[::2]
    assert (runs.min() >= 24) == (pattern == "blocks")


def test_the_table_compares_with_the_best_simple_filling() -> None:
    key = {"model": "exact", "dataset": "ETTh1", "pattern": "random", "share": 0.2}
    errors = {"as they are": 0.9, "linear": 1.0, "mean": 2.0, "trained without gaps": 0.8}
    found = table([{**key, "filling": name, "test_mse": mse} for name, mse in errors.items()])
    assert isinstance(found, pd.DataFrame)
    assert found["best simple"].tolist() == ["linear"]
    assert found["to best simple"].tolist() == [0.9]

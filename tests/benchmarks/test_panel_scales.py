"""Measures of the benchmark of scales, against forecasts whose errors are known."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.panel_scales import HORIZON, N_ORIGINS, N_ROWS, N_SERIES, evaluate, panel


class Oracle:
    """Knows the values, and is wrong by as many typical steps as it is told."""

    def __init__(self, y: pd.DataFrame, error: float, width: float) -> None:
        self.y, self.error, self.width = y, error, width

    def fit(self, train: pd.DataFrame, fh: np.ndarray) -> None:
        groups = train.groupby(level=0)
        self.step = groups["y"].diff().abs().groupby(level=0).mean()
        self.seen, self.fh = len(groups.get_group(0)), fh

    def update(self, new: pd.DataFrame, update_params: bool) -> None:
        assert len(new) == N_SERIES
        self.seen += 1

    def predict(self) -> pd.DataFrame:
        ahead = self.y.groupby(level=0).nth(list(self.seen - 1 + self.fh))
        return ahead + self.error * self.step.reindex(ahead.index, level=0).to_frame("y")

    def predict_interval(self, coverage: float) -> pd.DataFrame:
        values = self.predict()["y"]
        width = self.width * self.step.reindex(values.index, level=0)
        columns = pd.MultiIndex.from_product([["y"], [coverage], ["lower", "upper"]])
        return pd.DataFrame(
            np.stack([values - width, values + width], axis=1), values.index, columns
        )


@pytest.mark.parametrize(("error", "width", "covered"), [(0.0, 1.0, 1), (2.0, 1.0, 0)])
def test_errors_and_coverage(error: float, width: float, covered: int) -> None:
    y = panel()
    oracle: Any = Oracle(y, error, width)
    measured = evaluate(oracle, y)
    assert oracle.seen == N_ROWS - HORIZON + 1, "one more than the last origin"
    assert measured["MASE"] == pytest.approx(error, abs=1e-9)
    assert measured["MASE, lowest fifth"] == pytest.approx(error, abs=1e-9)
    assert measured["covered by 90 %"] == measured["highest fifth"] == covered


def test_levels_differ_and_shapes_do_not() -> None:
    deviations = panel()["y"].groupby(level=0).std() / np.geomspace(1, 1000, N_SERIES)
    assert 0.5 < deviations.min() < deviations.max() < 3
    assert N_ORIGINS > 1

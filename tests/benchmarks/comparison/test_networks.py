"""Forecasters that are no network forecast windows as they forecast series."""

import numpy as np
import pytest
import torch
from darts.models import LinearRegressionModel, NaiveSeasonal

from benchmarks.comparison.networks import Recursive, Regressed, Repeated
from benchmarks.protocol import Dataset

L, H = 12, 5


@pytest.mark.parametrize("by_channel", [True, False])
def test_a_regression_forecasts_windows_as_darts_forecasts_series(
    dataset: Dataset, by_channel: bool
) -> None:
    series = dataset.series("train")
    several = [series[name] for name in series.components] if by_channel else series
    model = LinearRegressionModel(lags=L, output_chunk_length=H).fit(several)
    windows = torch.from_numpy(series.values()[-L:].copy())[None]
    forecast = Regressed(model, by_channel)(windows).squeeze(0).squeeze(-1)
    if by_channel:
        expected = np.hstack([one.values() for one in model.predict(H, series=several)])
    else:
        expected = model.predict(H, series=series).values()
    np.testing.assert_allclose(forecast, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("n_rows", [1, 3, 7])
def test_repeated_rows_are_those_of_darts(dataset: Dataset, n_rows: int) -> None:
    series = dataset.series("train")
    expected = NaiveSeasonal(K=n_rows).fit(series).predict(H).values()
    windows = torch.from_numpy(series.values()[-L:].copy())[None]
    np.testing.assert_array_equal(Repeated(n_rows, H)(windows).squeeze(0).squeeze(-1), expected)


def test_a_regression_called_step_by_step_forecasts_as_that_of_darts(dataset: Dataset) -> None:
    series = dataset.series("train")
    several = [series[name] for name in series.components]
    model = LinearRegressionModel(lags=L, output_chunk_length=1).fit(several)
    window = torch.from_numpy(series.values()[-L:].copy())[None]
    forecast = Recursive(model.model.predict, H)(window).squeeze(0).squeeze(-1)
    expected = np.hstack([one.values() for one in model.predict(H, series=several)])
    np.testing.assert_allclose(forecast, expected, rtol=0, atol=1e-5)

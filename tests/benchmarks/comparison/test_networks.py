"""Forecasters that are no network forecast windows as they forecast series."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from darts.models import LinearRegressionModel, NaiveSeasonal

from benchmarks.comparison.networks import Recursive, Regressed, Repeated
from benchmarks.protocol import Dataset

L, H = 12, 5


def last_windows(dataset: Dataset, channels: slice, n_ahead: int) -> torch.Tensor:
    """Return some channels of the last window of the training rows, and of rows after it."""
    end = dataset.bounds["train"][1]
    return torch.from_numpy(dataset.values[None, end - L : end + n_ahead, channels].copy())


@pytest.mark.parametrize("knows", [True, False])
@pytest.mark.parametrize("by_channel", [True, False])
def test_a_regression_forecasts_windows_as_darts_forecasts_series(
    dataset: Dataset, by_channel: bool, knows: bool
) -> None:
    # two channels are forecast; the third, twice, is known
    names, twice = dataset.channels, replace(dataset, values=dataset.values[:, [2, 0, 2]])
    series = dataset.series("train")[names[:2]]
    known = twice.series("validation", 200)[names[:2]] if knows else None
    model = LinearRegressionModel(
        lags=L, lags_future_covariates=(L, H) if knows else None, output_chunk_length=H
    )
    several = [series[name] for name in names[:2]] if by_channel else series
    covariates = known and ([known] * 2 if by_channel else known)
    model.fit(several, future_covariates=covariates)
    ahead = last_windows(twice, slice(0, 2), H).split([L, H], dim=1) if knows else ()
    network = Regressed.of_darts(model, H, by_channel)
    forecast = network(last_windows(dataset, slice(0, 2), 0), *ahead).squeeze(0).squeeze(-1)
    if by_channel:
        made = model.predict(H, series=several, future_covariates=covariates)
        expected = np.hstack([one.values() for one in made])
    else:
        expected = model.predict(H, series=series, future_covariates=covariates).values()
    np.testing.assert_allclose(forecast, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("n_rows", [1, 3, 7])
def test_repeated_rows_are_those_of_darts(dataset: Dataset, n_rows: int) -> None:
    series = dataset.series("train")
    expected = NaiveSeasonal(K=n_rows).fit(series).predict(H).values()
    windows = torch.from_numpy(series.values()[-L:].copy())[None]
    np.testing.assert_array_equal(Repeated(n_rows, H)(windows).squeeze(0).squeeze(-1), expected)


@pytest.mark.parametrize("knows", [True, False])
def test_a_regression_called_step_by_step_forecasts_as_that_of_darts(
    dataset: Dataset, knows: bool
) -> None:
    names = dataset.channels
    several = [dataset.series("train")[name] for name in names[:2]]
    known = [dataset.series("validation", 200)[names[2]]] * 2 if knows else None
    lags_known = (L, 1) if knows else None
    model = LinearRegressionModel(
        lags=L, lags_future_covariates=lags_known, output_chunk_length=1
    ).fit(several, future_covariates=known)
    ahead = last_windows(dataset, slice(2, 3), H).split([L, H], dim=1) if knows else ()
    network = Recursive(model.model.predict, H)
    forecast = network(last_windows(dataset, slice(0, 2), 0), *ahead).squeeze(0).squeeze(-1)
    made = model.predict(H, series=several, future_covariates=known)
    expected = np.hstack([one.values() for one in made])
    np.testing.assert_allclose(forecast, expected, rtol=0, atol=1e-5)

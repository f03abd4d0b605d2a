"""Regressions of both hosts, as networks that are timed and measured beside the exact solver."""

import numpy as np
import torch
from darts import TimeSeries
from darts.models import LinearRegressionModel
from sklearn.linear_model import Ridge
from sktime.forecasting.compose import make_reduction

from benchmarks.solver.speed import fit_reduction, fit_regression


def test_darts_regression_of_all_channels_forecasts_as_it_does_in_darts(dataset):
    train = dataset.series("train")
    channels = [train.univariate_component(i) for i in range(train.n_components)]
    model = LinearRegressionModel(8, output_chunk_length=4).fit(channels)
    past = torch.as_tensor(dataset.rows("train")[-8:]).unsqueeze(0).float()
    found = fit_regression(dataset, 8, 4).network(past)
    expected = np.column_stack([model.predict(4, one).values() for one in channels])
    np.testing.assert_allclose(found[0, :, :, 0], expected, rtol=1e-4, atol=1e-5)


def test_sktime_reduction_of_each_channel_forecasts_as_it_does_in_sktime(dataset):
    rows = TimeSeries.to_dataframe(dataset.series("train"))
    model = make_reduction(Ridge(), strategy="multioutput", window_length=8)
    expected = model.fit(rows, fh=[1, 2, 3, 4]).predict()
    past = torch.as_tensor(dataset.rows("train")[-8:]).unsqueeze(0).float()
    found = fit_reduction(dataset, 8, 4).network(past)
    np.testing.assert_allclose(found[0, :, :, 0], expected, rtol=1e-4, atol=1e-5)

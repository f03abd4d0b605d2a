"""Correlations over the first lags, against loops."""

import pytest
import torch

from hyperforecast.nn.series.correlate import correlate


@pytest.mark.parametrize("n_lags", [1, 3, 20])
@pytest.mark.parametrize("n_steps", [5, 100])
def test_each_lag_is_a_sum_of_products_also_across_pieces(n_steps: int, n_lags: int) -> None:
    short = torch.randn(2, n_steps, dtype=torch.float64)
    long = torch.randn(2, n_steps + 7, dtype=torch.float64)
    found = correlate(short, long, n_lags)
    for lag in range(n_lags):
        there = long[:, lag : lag + n_steps]
        expected = (short[:, : there.shape[1]] * there).sum(dim=1)
        torch.testing.assert_close(found[:, lag], expected)

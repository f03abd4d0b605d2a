"""The benchmarks' protocol, against definitions and against Darts."""

import numpy as np
import pandas as pd
import pytest
import torch
from darts.metrics import mae, mse

from benchmarks.protocol import data_folder, evaluate, load, scale, split, windows
from benchmarks.training import train
from hyperforecast.darts import BackboneModel, HNMVTSModel


def test_split_by_shares_rounds_train_and_test_down():
    # int(0.7 · 13) = 9, int(0.2 · 13) = 2, and the two rows between
    assert split(13) == {"train": (0, 9), "validation": (9, 11), "test": (11, 13)}


def test_split_by_sizes_leaves_rows_unused():
    assert split(100, (50, 20, 10)) == {"train": (0, 50), "validation": (50, 70), "test": (70, 80)}


def test_scale_uses_training_rows_alone():
    raw = np.array([[1.0, 4.0], [3.0, 4.0], [9.0, 5.0]])
    bounds = {"train": (0, 2), "validation": (2, 3), "test": (3, 3)}
    # mean 2, population deviation 1; the constant channel is centred only
    np.testing.assert_array_equal(scale(raw, bounds), [[-1, 0], [1, 0], [7, 1]])


def test_rows_reach_back_before_the_split(dataset):
    np.testing.assert_array_equal(dataset.rows("test", 10), dataset.values[86:120])
    np.testing.assert_array_equal(dataset.rows("train", 10), dataset.values[:84])
    assert dataset.series("validation", 10).time_index[0] == 74


def test_windows_are_every_run_of_rows():
    rows = np.arange(10.0).reshape(5, 2)
    expected = np.stack([rows[i : i + 3] for i in range(3)])
    np.testing.assert_array_equal(windows(rows, 3), expected)


def test_evaluate_is_the_naive_loop(dataset):
    lookback, horizon = 6, 4

    class LastValue(torch.nn.Module):
        def forward(self, x):
            return x[:, -1:].expand(-1, horizon, -1).unsqueeze(-1)

    errors = []
    for first in range(96, 120 - horizon + 1):  # first target rows of the test part
        future = dataset.values[first : first + horizon].astype(float)
        errors.append(future - dataset.values[first - 1])
    assert len(errors) == 21
    found = evaluate(LastValue(), dataset, "test", lookback, horizon)
    assert found.mse == pytest.approx(np.square(errors).mean(), rel=1e-6)
    assert found.mae == pytest.approx(np.abs(errors).mean(), rel=1e-6)


@pytest.mark.parametrize("model_class", [BackboneModel, HNMVTSModel])
def test_evaluate_is_darts_backtest(dataset, model_class):
    lookback, horizon = 8, 4
    model = train(model_class, dataset, lookback, horizon, seed=0, patience=1, n_epochs=2).model
    forecasts = model.historical_forecasts(
        dataset.series("test", lookback),
        forecast_horizon=horizon,
        retrain=False,
        last_points_only=False,
    )
    actual = dataset.series("test")
    found = evaluate(model.network, dataset, "test", lookback, horizon)
    assert len(forecasts) == 21
    assert found.mse == pytest.approx(np.mean([mse(actual, f) for f in forecasts]), rel=1e-5)
    assert found.mae == pytest.approx(np.mean([mae(actual, f) for f in forecasts]), rel=1e-5)


def test_unknown_data_set_says_where_it_was_sought(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"HYPERFORECAST_DATA"):
        load("nothing", tmp_path)


def test_any_csv_loads(tmp_path):
    values = np.random.default_rng(0).normal(size=(20, 2))
    frame = pd.DataFrame(values, columns=["x", "y"])
    frame.to_csv(tmp_path / "numbers.csv", index=False)
    frame.insert(0, "date", pd.date_range("2020", periods=20))
    frame.to_csv(tmp_path / "dated.csv", index=False)
    plain, dated = load(str(tmp_path / "numbers.csv")), load("dated", tmp_path)
    assert plain.channels == dated.channels == ["x", "y"]
    np.testing.assert_array_equal(plain.values, dated.values)
    np.testing.assert_allclose(plain.values[:14].std(axis=0), 1, rtol=1e-6)


@pytest.mark.skipif(not data_folder().is_dir(), reason="the benchmark data are not here")
def test_benchmark_data_have_the_protocols_sizes():
    etth1 = load("ETTh1")
    assert etth1.bounds["test"] == (11520, 14400)
    assert len(windows(etth1.rows("test", 336), 336 + 96)) == 2880 - 96 + 1
    assert load("ETTm1").bounds == {
        "train": (0, 34560),
        "validation": (34560, 46080),
        "test": (46080, 57600),
    }
    los = load("los_speed")
    assert los.values.shape == (2016, 207)
    assert los.bounds == {"train": (0, 1411), "validation": (1411, 1613), "test": (1613, 2016)}

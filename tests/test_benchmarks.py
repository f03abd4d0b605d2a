"""The benchmarks' protocol, against definitions and against Darts."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from darts.metrics import mae, mse

from benchmarks import accuracy, backbones, mola, training_speed
from benchmarks.markdown import markdown
from benchmarks.protocol import Dataset, data_folder, evaluate, load, scale, split, windows
from benchmarks.training import train
from hyperforecast.darts import BackboneModel, HNMVTSModel
from hyperforecast.nn import BACKBONES
from hyperforecast.nn.backbones import check_backbone


@pytest.fixture
def dataset() -> Dataset:
    """Three noisy waves over 120 rows: 84 for training, 12 for validation, 24 for testing."""
    steps = np.arange(120)[:, None]
    noise = np.random.default_rng(0).normal(size=(120, 3))
    raw = np.sin(steps / np.array([3.0, 5.0, 8.0])) + 0.1 * noise
    bounds = split(120)
    return Dataset("waves", ["a", "b", "c"], scale(raw, bounds), bounds)


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


def test_training_takes_the_best_epoch_and_leaves_no_files(dataset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = {"optimizer_kwargs": {"lr": 0.3}, "n_epochs": 30, "batch_size": 8}
    model, epochs, seconds = train(BackboneModel, dataset, 8, 4, seed=0, patience=2, **options)
    assert epochs < 30
    assert seconds > 0
    assert list(tmp_path.iterdir()) == []
    best = evaluate(model.network, dataset, "validation", 8, 4).mse
    # the last epoch was no improvement: stopped there without going back, the error is higher
    last = BackboneModel(8, 4, random_state=0, **{**options, "n_epochs": epochs})
    last.fit(dataset.series("train"), val_series=dataset.series("validation", 8))
    assert best < evaluate(last.network, dataset, "validation", 8, 4).mse


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
    los = load("los_speed")
    assert los.values.shape == (2016, 207)
    assert los.bounds == {"train": (0, 1411), "validation": (1411, 1613), "test": (1613, 2016)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lr=0.01", (None, "lr", 0.01)),
        ("hn-mvts.channel_embedding_dim=8", ("hn-mvts", "channel_embedding_dim", 8)),
        ("plain.instance_norm=last", ("plain", "instance_norm", "last")),
        ("backbone_kwargs={'kernel_size': 5}", (None, "backbone_kwargs", {"kernel_size": 5})),
    ],
)
def test_options_are_read_as_python_values(text, expected):
    assert accuracy.parse_option(text) == expected


def test_an_option_of_one_method_overrides_that_of_all():
    given = [("hn-mvts", "lr", 1), (None, "lr", 2), ("plain", "batch_size", 3)]
    assert accuracy.options_of("hn-mvts", given) == {"lr": 1}
    assert accuracy.options_of("plain", given) == {"lr": 2, "batch_size": 3}
    assert accuracy.model_arguments({"lr": 1, "batch_size": 3}) == {
        "optimizer_kwargs": {"lr": 1},
        "batch_size": 3,
    }


def test_the_learning_rate_falls_when_the_validation_loss_does_not(dataset):
    options = accuracy.model_arguments({"lr": 0.3, "lr_factor": 0.5, "n_epochs": 30})
    training = train(BackboneModel, dataset, 8, 4, seed=0, patience=4, solver="adam", **options)
    rate = training.model.trainer.optimizers[0].param_groups[0]["lr"]
    # training ends after patience epochs in a row without a lower loss, each of which halved it
    assert training.epochs < 30
    assert rate <= 0.3 * 0.5**4


def test_a_stopped_run_goes_on(dataset, tmp_path, monkeypatch, capsys):
    trained = []

    def run_cell(dataset, cell, options):
        trained.append((cell["method"], cell["seed"]))
        if len(trained) == 3:
            raise KeyboardInterrupt
        mse = {"plain": 2.0, "individual": 3.0, "hn-mvts": 1.0}[cell["method"]] + cell["seed"]
        costs = {"epochs": 1, "seconds": 0.1, "parameters": 5, "folded_parameters": 5}
        return {**cell, "test_mse": mse, "test_mae": 0.5, "validation_mse": 1.0, **costs}

    monkeypatch.setattr(accuracy, "run_cell", run_cell)
    monkeypatch.setattr(accuracy, "load", lambda name, folder: dataset)
    results = tmp_path / "results.csv"
    arguments = ["--data", "waves", "--methods", "plain", "hn-mvts", "--seeds", "0", "2"]
    arguments += ["--results", str(results), "--set", "batch_size=8"]
    with pytest.raises(KeyboardInterrupt):
        accuracy.main(arguments)
    assert len(pd.read_csv(results)) == 2
    accuracy.main(arguments)
    assert trained == [("plain", 0), ("plain", 2), ("hn-mvts", 0), ("hn-mvts", 0), ("hn-mvts", 2)]
    accuracy.main(arguments)
    assert len(trained) == 5
    rows = pd.read_csv(results).to_dict("records")
    assert json.loads(rows[0]["options"]) == {"patience": 5, "batch_size": 8}
    means = accuracy.table(rows)
    assert means["test_mse"].tolist() == [3.0, 2.0]
    assert means["to_plain"].tolist() == [1.0, pytest.approx(2 / 3)]
    assert markdown(means) in capsys.readouterr().out


def test_markdown_aligns_columns():
    frame = pd.DataFrame({"name": ["a", "long"], "n": [12345, 6], "mse": [0.123456, float("nan")]})
    assert markdown(frame) == (
        "| name | n      | mse    |\n"
        "|------|--------|--------|\n"
        "| a    | 12,345 | 0.1235 |\n"
        "| long | 6      |        |"
    )


def test_the_least_error_of_a_linear_decoder():
    # two inputs and a bias: what the three largest of four directions leave, over four steps
    assert mola.least_error(np.array([4.0, 3.0, 2.0, 1.0]), 2) == 1 / 4
    assert mola.least_error(np.ones(16), 15) == 0


def test_the_made_task_has_as_many_directions_as_steps():
    blocks = mola.made_task(8, 5, 40, seed=0).values().reshape(40, 13)
    x, y = blocks[:, :8], blocks[:, 8:]
    weights, *_ = np.linalg.lstsq(x, y)
    np.testing.assert_allclose(x @ weights, y, atol=1e-5)
    np.testing.assert_allclose(weights.T @ weights, np.eye(5), atol=1e-5)


def test_the_loop_over_segments_forecasts_the_same():
    network = mola.mola_network("dlinear", {}).eval()
    loop = mola.in_a_loop(network, "dlinear", {})
    x = torch.randn(3, 96, 7)
    torch.testing.assert_close(loop(x), network(x), rtol=1e-4, atol=1e-4)


def test_mola_and_plain_run_as_many_epochs(dataset, monkeypatch):
    trained = []

    def record(model_class, dataset, *args, **options):
        trained.append((model_class, options))
        return train(model_class, dataset, *args, **options)

    monkeypatch.setattr(mola, "load", lambda *args: dataset)
    monkeypatch.setattr(mola, "train", record)
    rows = mola.accuracy(
        "waves",
        None,
        "dlinear",
        0,
        lookback=6,
        horizon=4,
        epochs=5,
        n_segments=2,
        learning_rate=1e-3,
        stride=2,
    )
    assert [row["method"] for row in rows] == ["plain", "mola"]
    assert all(np.isfinite(row["test_mse"]) for row in rows)
    (_, plain), (_, adapted) = trained
    assert plain["n_epochs"] == adapted["n_base_epochs"] + adapted["n_epochs"] == 5
    assert plain["fit_options"] == adapted["fit_options"] == {"stride": 2}


def test_the_settings_of_the_backbones_are_options_that_they_have():
    for cell in backbones.PUBLISHED:
        check_backbone(cell.backbone, cell.options.get("backbone_kwargs"))
    assert {cell.backbone for cell in backbones.PUBLISHED} <= set(BACKBONES)
    for backbone, options in backbones.WIDTHS.items():
        check_backbone(backbone, options)


def test_backbones_are_compared_with_all_else_equal(monkeypatch, tmp_path, capsys):
    cells = []

    def run_cell(dataset, cell, options):
        cells.append((cell, options))
        mse = {"plain": 2.0, "hn-mvts": 1.5}[cell["method"]]
        return {**cell, "test_mse": mse, "validation_mse": 2 * mse}

    monkeypatch.setattr(backbones, "run_cell", run_cell)
    monkeypatch.setattr(backbones, "load", lambda name, folder: dataset)
    arguments = ["methods", "--data", "weather", "--backbones", "rmlp"]
    arguments += ["--results", str(tmp_path / "results.csv")]
    backbones.main(arguments)
    backbones.main(arguments)
    (plain, plain_options), (generated, options) = cells
    assert options == plain_options
    assert options["stride"] == 7
    assert options["backbone_kwargs"] == {"d_model": 128}
    assert {**plain, "method": "hn-mvts"} == generated
    assert "| rmlp     | 2.0000 → 1.5000, \u221225.0 % (\u221225.0 %) |" in capsys.readouterr().out


def test_training_speed_trains_model_and_bare_network_in_turns(dataset):
    row = training_speed.compare("dlinear", "hn-mvts", dataset.rows("train"), 8, 4, 16, epochs=2)
    assert row["windows"] == 84 - 12 + 1
    assert row["parameters"] == (1 + 1) * (4 * 16 + 4) + 3
    assert row["ratio"] > 0
    assert row["processor ratio"] > 0


def test_the_bare_loop_is_plain_gradient_descent(dataset):
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(24, 12))
    forecaster = torch.nn.Sequential(network, torch.nn.Unflatten(1, (4, 3, 1)))
    all_windows = windows(dataset.rows("train"), 12)
    weight = network[1].weight.detach().clone().requires_grad_()
    bias = network[1].bias.detach()
    error = all_windows[:, :8].flatten(1) @ weight.T + bias - all_windows[:, 8:].flatten(1)
    error.square().mean().backward()
    optimizer = torch.optim.SGD(forecaster.parameters(), lr=0.1)
    training_speed.bare_epoch(forecaster, optimizer, all_windows, 8, batch_size=1000)
    torch.testing.assert_close(network[1].weight, weight - 0.1 * weight.grad)

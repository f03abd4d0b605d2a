"""The table of cycles, on made rows."""

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks.protocol import Dataset
from benchmarks.solver import periods
from benchmarks.solver.periods import gains, without_cycles, without_phase_means
from hyperforecast.darts import HNMVTSModel

BOUNDS = {"train": (0, 360), "validation": (360, 420), "test": (420, 480)}


@pytest.fixture
def dataset() -> Dataset:
    random = np.random.default_rng(0)
    day = np.sin(2 * np.pi * np.arange(480)[:, None] / 12 + np.arange(3))
    values = (day + 0.3 * random.normal(size=(480, 3))).astype(np.float32)
    return Dataset("epf_made", ["load", "wind", "OT"], values, BOUNDS)


def test_means_of_training_rows_are_taken_away(dataset: Dataset) -> None:
    left = without_phase_means(dataset, 12).values
    np.testing.assert_allclose(left[:360].reshape(30, 12, 3).mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(left[371] - dataset.values[371], left[11] - dataset.values[11])


def test_rows_without_cycles_are_forecast_as_with_them(dataset: Dataset) -> None:
    model = HNMVTSModel(4, 2, periods=12).fit(dataset.series("train"))
    assert model.network.periods == (12,)
    network, left, _ = without_cycles(model.network, dataset, None)
    windows = [torch.from_numpy(one.values[100:104])[None] for one in (dataset, left)]
    found = model.network(windows[0], phase=torch.tensor([[100, 104]]))[0, ..., 0]
    taken = torch.from_numpy((dataset.values - left.values)[104:106])
    torch.testing.assert_close(network(windows[1])[0, ..., 0] + taken, found)


def test_a_row_for_each_choice(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periods, "load", lambda *_: dataset)
    monkeypatch.setattr(periods, "DAYS", {"epf_made": 12, "made": 12})
    monkeypatch.setattr(periods, "HORIZONS", {"epf_made": 2, "made": 2})
    for name in ("made", "epf_made"):
        none, always, chosen = (
            periods._measure(name, 4, cycles, None) for cycles in ("none", "day, always", "chosen")
        )
        assert none["kept"] == always["kept"] == none["gains on validation"] == ""
        assert chosen["gains on validation"].startswith("day ")
        if name == "made":  # load and wind, known ahead, tell the day as well
            assert chosen["kept"].startswith("day")
            assert max(always["test MSE"], chosen["test MSE"]) < 0.8 * none["test MSE"]


def test_gains_are_over_what_was_kept() -> None:
    report = pd.DataFrame(
        {
            "validation_mse": [1.0, 0.9, 0.99],
            "chosen": [True, True, False],
            "periods": [(), (24,), (24, 168)],
        }
    )
    assert gains(report, {24: "day", 168: "week"}) == "day 10.0%, week -10.0%"

"""The benchmarks of LightSAE: synthetic channels, parameter counts, resumed runs."""

import numpy as np
import pytest

from benchmarks import light_sae
from benchmarks.protocol import Dataset, scale, split


def autocorrelation(values: np.ndarray, n_lags: int = 24) -> np.ndarray:
    """Autocorrelation of a channel, which tells its dynamics, at the first lags."""
    values = values - values.mean()
    products = [np.mean(values[lag:] * values[: len(values) - lag]) for lag in range(n_lags + 1)]
    return np.array(products[1:]) / products[0]


@pytest.mark.parametrize(("kind", "n_dynamics"), [("alike", 1), ("clusters", 4), ("unrelated", 8)])
def test_channels_of_a_label_have_the_same_dynamics(kind: str, n_dynamics: int) -> None:
    dataset, labels = light_sae.synthetic_channels(kind, seed=0, n_channels=8, n_rows=20_000)
    assert len(set(labels)) == n_dynamics
    found = np.stack([autocorrelation(channel) for channel in dataset.values.T])
    gaps = np.abs(found[:, None] - found).max(axis=2)
    alike = labels[:, None] == labels
    assert gaps[alike].max() < 0.15
    assert np.all(gaps[~alike] > gaps[alike].max())


def test_channels_of_a_label_are_not_correlated() -> None:
    dataset, _ = light_sae.synthetic_channels("alike", seed=0, n_channels=4, n_rows=20_000)
    correlation = np.corrcoef(dataset.values.T)
    assert np.abs(correlation - np.eye(4)).max() < 0.1


def test_parameters_of_rmlp_by_hand() -> None:
    table = light_sae.parameters(horizon=720).set_index(["backbone", "channels"])
    row = table.loc[("rmlp", "Weather, 21")]
    shared = (96 + 1) * 512 + 2 * (512 + 1) * 512 + (512 + 1) * 720
    pool, biases, gates = 10 * 96 * 25 + 25 * 512, 10 * 512, 21 * 10
    assert row["shared"] == shared
    assert row["full"] == shared + 21 * (96 + 1) * 512
    assert row["light"] == shared + pool + biases + gates
    assert row["light, % more"] == pytest.approx(100 * (pool + biases + gates) / shared)
    assert row["without its biases"] == pytest.approx(100 * (pool + gates) / shared)


@pytest.fixture
def dataset() -> Dataset:
    """Two noisy waves over 120 rows."""
    steps = np.arange(120)[:, None]
    raw = np.sin(steps / [3.0, 5.0]) + 0.1 * np.random.default_rng(0).normal(size=(120, 2))
    bounds = split(120)
    return Dataset("waves", ["a", "b"], scale(raw, bounds), bounds)


def test_a_scan_goes_on_where_it_was(dataset, tmp_path, monkeypatch) -> None:
    options = {"backbone_kwargs": {"d_model": 4}, "n_epochs": 1, "patience": 1}
    path = tmp_path / "scan.csv"
    arguments = {"pools": [2, 3], "seeds": [0], "options": options, "path": path}
    first = light_sae.scan(dataset, 8, 4, ranks=[1], **arguments)
    assert list(first["rank"]) == ["shared", 1, 1]
    assert list(first["n_components"]) == ["", 2, 3]
    # a component more: its left factor, its bias, and a gate for each channel
    assert first["parameters"].diff().iloc[2] == 8 * 1 + 4 + 2
    monkeypatch.setattr(light_sae, "run_cell", None)  # nothing may be trained again
    again = light_sae.scan(dataset, 8, 4, ranks=[1], **arguments)
    np.testing.assert_array_equal(again["test_mse"], first["test_mse"])


def test_synthetic_table(dataset, tmp_path, monkeypatch) -> None:
    labels = np.arange(2)
    monkeypatch.setattr(light_sae, "synthetic_channels", lambda kind, seed: (dataset, labels))
    monkeypatch.setattr(light_sae, "N_CLUSTERS", 2)
    monkeypatch.setitem(light_sae.SYNTHETIC, "n_epochs", 1)
    table = light_sae.synthetic([0], tmp_path / "synthetic.csv").set_index("channels")
    assert list(table.index) == list(light_sae.KINDS)
    ratio = table["light-sae"] / table["plain"]
    np.testing.assert_allclose(table["light-sae / plain"], ratio)
    assert table["agreement"].notna().to_list() == [False, True, False]
    monkeypatch.setattr(light_sae, "train", None)
    again = light_sae.synthetic([0], tmp_path / "synthetic.csv").set_index("channels")
    np.testing.assert_allclose(
        again.to_numpy(float), table.to_numpy(float), atol=1e-12, equal_nan=True
    )

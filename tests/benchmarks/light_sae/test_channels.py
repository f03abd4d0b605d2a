"""Synthetic channels: which of them are alike."""

import numpy as np
import pytest

from benchmarks.light_sae.channels import synthetic_channels


def autocorrelation(values: np.ndarray, n_lags: int = 24) -> np.ndarray:
    """Autocorrelation of a channel, which tells its dynamics, at the first lags."""
    values = values - values.mean()
    products = [np.mean(values[lag:] * values[: len(values) - lag]) for lag in range(n_lags + 1)]
    return np.array(products[1:]) / products[0]


@pytest.mark.parametrize(("kind", "n_dynamics"), [("alike", 1), ("clusters", 4), ("unrelated", 8)])
def test_channels_of_a_label_have_the_same_dynamics(kind: str, n_dynamics: int) -> None:
    dataset, labels = synthetic_channels(kind, seed=0, n_channels=8, n_rows=20_000)
    assert len(set(labels)) == n_dynamics
    found = np.stack([autocorrelation(channel) for channel in dataset.values.T])
    gaps = np.abs(found[:, None] - found).max(axis=2)
    alike = labels[:, None] == labels
    assert gaps[alike].max() < 0.15
    assert np.all(gaps[~alike] > gaps[alike].max())


def test_channels_of_a_label_are_not_correlated() -> None:
    dataset, _ = synthetic_channels("alike", seed=0, n_channels=4, n_rows=20_000)
    correlation = np.corrcoef(dataset.values.T)
    assert np.abs(correlation - np.eye(4)).max() < 0.1

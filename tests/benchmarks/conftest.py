"""A made data set for the benchmarks."""

import numpy as np
import pytest

from benchmarks.protocol import Dataset, scale, split


@pytest.fixture
def dataset() -> Dataset:
    """Three noisy waves over 120 rows: 84 for training, 12 for validation, 24 for testing."""
    steps = np.arange(120)[:, None]
    noise = np.random.default_rng(0).normal(size=(120, 3))
    raw = np.sin(steps / np.array([3.0, 5.0, 8.0])) + 0.1 * noise
    bounds = split(120)
    return Dataset("waves", ["a", "b", "c"], scale(raw, bounds), bounds)

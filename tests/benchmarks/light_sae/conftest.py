"""A made data set of two channels."""

import numpy as np
import pytest

from benchmarks.protocol import Dataset, scale, split


@pytest.fixture
def two_waves() -> Dataset:
    """Two noisy waves over 120 rows."""
    steps = np.arange(120)[:, None]
    raw = np.sin(steps / [3.0, 5.0]) + 0.1 * np.random.default_rng(0).normal(size=(120, 2))
    bounds = split(120)
    return Dataset("waves", ["a", "b"], scale(raw, bounds), bounds)

"""A made data set for the benchmarks."""

import logging
from collections.abc import Iterator

import numpy as np
import pytest

from benchmarks.command_line import LOGGERS
from benchmarks.protocol import Dataset, scale, split


@pytest.fixture(autouse=True)
def loggers_as_they_were() -> Iterator[None]:
    """Let loggers say again what benchmarks silence."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def dataset() -> Dataset:
    """Three noisy waves over 120 rows: 84 for training, 12 for validation, 24 for testing."""
    steps = np.arange(120)[:, None]
    noise = np.random.default_rng(0).normal(size=(120, 3))
    raw = np.sin(steps / np.array([3.0, 5.0, 8.0])) + 0.1 * noise
    bounds = split(120)
    return Dataset("waves", ["a", "b", "c"], scale(raw, bounds), bounds)

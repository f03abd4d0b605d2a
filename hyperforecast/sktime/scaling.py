"""Channel scaling."""

from collections.abc import Sequence
from typing import Self

import numpy as np


class ChannelScaler:
    """Standardises every column by mean and standard deviation of the training rows.

    A constant column is only centred. Without ``columns`` (the ``scaler=None`` of a forecaster)
    mean 0 and deviation 1 leave values as they are.
    """

    def __init__(self, n_columns: int) -> None:
        self.mean = np.zeros(n_columns)
        self.deviation = np.ones(n_columns)

    def fit(self, parts: Sequence[np.ndarray]) -> Self:
        """Take mean and deviation from all rows of ``parts``, each (T, C)."""
        values = np.concatenate(parts)
        self.mean = values.mean(axis=0)
        deviation = values.std(axis=0)
        # what rounding alone leaves of a constant column is no deviation
        constant = deviation <= 1e-12 * np.abs(values).max(axis=0)
        self.deviation = np.where(constant, 1.0, deviation)
        return self

    def transform(self, values: np.ndarray) -> np.ndarray:
        """Scale values (T, C) and round them to what the network computes in."""
        return ((values - self.mean) / self.deviation).astype(np.float32)

    def restore(self, values: np.ndarray) -> np.ndarray:
        """Scale values (..., C, A) back."""
        return values * self.deviation[:, None] + self.mean[:, None]

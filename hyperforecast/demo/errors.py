"""Errors of one model's forecasts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hyperforecast.demo.plan import Plan


@dataclass(frozen=True)
class Entry:
    """What came of one model through one host.

    Parameters
    ----------
    name, host : str
    forecasts : list of DataFrame, shape (H, C)
        From each of the plan's origins.
    seconds : float
        Training and forecasts.
    mae : float
    mse : Series, shape (C,)
        Of each channel; NaN where none of its values was forecast.
    model : object
        Trained; none of the naive forecasts.
    """

    name: str
    host: str
    forecasts: list[pd.DataFrame]
    seconds: float
    mae: float
    mse: pd.Series
    model: Any = None


def measure(
    name: str,
    host: str,
    forecasts: list[pd.DataFrame],
    seconds: float,
    plan: Plan,
    scale: np.ndarray,
    model: Any = None,
) -> Entry:
    """Measure forecasts, which must be those of the plan's origins, where values are there."""
    values = plan.data.to_numpy()
    errors = np.stack(
        [
            (forecast.to_numpy() - values[row : row + plan.horizon]) / scale
            for forecast, row in zip(forecasts, plan.origins, strict=True)
        ]
    )  # (origins, H, C)
    mse = pd.Series(_mean(np.square(errors)), index=plan.data.columns)
    mae = float(np.nanmean(_mean(np.abs(errors))))
    return Entry(name, host, forecasts, seconds, mae, mse, model)


def _mean(errors: np.ndarray) -> np.ndarray:
    """Return the mean of what is there for each channel: (origins, H, C) -> (C,)."""
    seen = ~np.isnan(errors)
    counts = seen.sum(axis=(0, 1))
    sums = np.where(seen, errors, 0.0).sum(axis=(0, 1))
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)

"""Errors of one model's forecasts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hyperforecast.demo.plan import Plan


@dataclass(frozen=True)
class Entry:
    """What came of one model through one host."""

    name: str
    host: str
    forecasts: list[pd.DataFrame]
    seconds: float
    mae: float
    mse: float
    model: Any = None


def measure(
    name: str,
    host: str,
    forecasts: list[pd.DataFrame],
    seconds: float,
    plan: Plan,
    scale: np.ndarray,
    model: Any,
) -> Entry:
    """Measure forecasts, which must be those of the plan's origins."""
    values = plan.data.to_numpy()
    errors = np.stack(
        [
            (forecast.to_numpy() - values[row : row + plan.horizon]) / scale
            for forecast, row in zip(forecasts, plan.origins, strict=True)
        ]
    )  # (origins, H, C)
    mae, mse = float(np.abs(errors).mean()), float(np.square(errors).mean())
    return Entry(name, host, forecasts, seconds, mae, mse, model)

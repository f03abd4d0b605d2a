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
        Of each channel.
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
    """Measure forecasts, which must be those of the plan's origins."""
    values = plan.data.to_numpy()
    errors = np.stack(
        [
            (forecast.to_numpy() - values[row : row + plan.horizon]) / scale
            for forecast, row in zip(forecasts, plan.origins, strict=True)
        ]
    )  # (origins, H, C)
    mse = pd.Series(np.square(errors).mean(axis=(0, 1)), index=plan.data.columns)
    return Entry(name, host, forecasts, seconds, float(np.abs(errors).mean()), mse, model)

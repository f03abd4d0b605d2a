"""What the demo forecasts: New York's airports, or a file of the user's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hyperforecast.datasets import load_new_york

N_SHOWN = 6
"""Number of channels whose forecasts are drawn."""


@dataclass(frozen=True)
class Subject:
    """What is forecast, and what is known of its channels.

    Parameters
    ----------
    title : str
    data : DataFrame, shape (T, C)
    shown : sequence
        Channels whose forecasts are drawn.
    kinds, places : Series, optional
        What each channel measures, and where, by its name.
    horizon, lookback : int, optional
        Chosen by the number of rows, and on the training rows, if not given.
    """

    title: str
    data: pd.DataFrame
    shown: Sequence[Any]
    kinds: pd.Series | None = None
    places: pd.Series | None = None
    horizon: int | None = None
    lookback: int | None = None


def new_york(horizon: int | None, lookback: int | None) -> Subject:
    """Return weather and departures at New York's airports: a day forecast from a week."""
    data = load_new_york()
    words = data.columns.to_series().str.split(" ", n=1, expand=True)
    departures = words[1].str.startswith("departures")
    return Subject(
        "New York's airports 2013, weather and departures by the hour",
        data,
        shown=[
            "JFK temperature",
            "LGA pressure",
            "EWR wind speed",
            "EWR departures UA",
            "JFK departures B6",
            "LGA departures DL",
        ],
        kinds=words[1].mask(departures, "departures"),
        places=words[0],
        horizon=horizon or 24,
        lookback=lookback or 168,
    )


def own_file(path: str, data: pd.DataFrame, horizon: int | None, lookback: int | None) -> Subject:
    """Return what a file holds; some of its channels are drawn, equally far apart."""
    picked = np.linspace(0, data.shape[1] - 1, min(N_SHOWN, data.shape[1])).round().astype(int)
    shown = [data.columns[i] for i in picked]
    return Subject(Path(path).name, data, shown, horizon=horizon, lookback=lookback)

"""Errors of single windows, of naive forecasts and of trained models."""

from typing import Any

import numpy as np


def naive_errors(values: np.ndarray, first: int, horizon: int, season: int) -> np.ndarray:
    """Return mean squared errors of repeating the last season.

    Parameters
    ----------
    values : array, shape (T, C)
    first : int
        Row at which the first forecast begins, at least ``season``.
    horizon : int
    season : int
        Number of rows that are repeated; one for the last value.

    Returns
    -------
    array, shape (windows, C)
    """
    ahead = np.lib.stride_tricks.sliding_window_view(values[first:], horizon, axis=0)
    before = np.lib.stride_tricks.sliding_window_view(values[first - season :], season, axis=0)
    forecasts = before[: len(ahead), :, np.arange(horizon) % season]  # (windows, C, H)
    return np.square(ahead - forecasts).mean(axis=2)


def model_errors(model: Any, series: Any, first: int) -> np.ndarray:
    """Return mean squared errors of a trained Darts model on every window from a row on.

    Parameters
    ----------
    model : HyperforecastModel
    series : TimeSeries
    first : int
        Row at which the first forecast begins, at least the model's lookback.

    Returns
    -------
    array, shape (windows, C)
    """
    horizon = model.output_chunk_length
    forecasts = model.historical_forecasts(
        series,
        start=first,
        start_format="position",
        forecast_horizon=horizon,
        retrain=False,
        last_points_only=False,
        verbose=False,
        show_warnings=False,
    )
    ahead = np.lib.stride_tricks.sliding_window_view(series.values()[first:], horizon, axis=0)
    made = np.stack([one.values() for one in forecasts]).transpose(0, 2, 1)  # (windows, C, H)
    return np.square(ahead - made).mean(axis=2)

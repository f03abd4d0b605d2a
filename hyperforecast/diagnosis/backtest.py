"""Errors of single windows, of naive forecasts and of trained models."""

from typing import Any

import numpy as np
import pandas as pd


def naive_errors(values: np.ndarray, first: int, horizon: int, season: int) -> np.ndarray:
    """Return mean squared errors of repeating the last season.

    Parameters
    ----------
    values : array, shape (T, C)
        NaN is a missing value: the value that was there last is repeated, zero before the first.
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
    filled = pd.DataFrame(values).ffill().fillna(0.0).to_numpy()
    before = np.lib.stride_tricks.sliding_window_view(filled[first - season :], season, axis=0)
    forecasts = before[: len(ahead), :, np.arange(horizon) % season]  # (windows, C, H)
    return _mean_squares(ahead - forecasts)


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
    return _mean_squares(ahead - made)


def _mean_squares(residuals: np.ndarray) -> np.ndarray:
    """Return means over the steps: (windows, C, H) -> (windows, C).

    Where values are missing there is no error, and what is left of a channel counts for all of it:
    the mean over windows is that of the values that are there.
    """
    missing = np.isnan(residuals)
    squares = np.where(missing, 0.0, np.square(residuals)).mean(axis=2)
    return squares / (1.0 - missing.mean(axis=(0, 2)))

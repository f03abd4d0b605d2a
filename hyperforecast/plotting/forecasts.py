"""Forecasts against what happened."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import ConciseDateFormatter
from matplotlib.figure import Figure

from hyperforecast.plotting.canvas import figure_of, open_frame

Frames = Any
"""A DataFrame, a Darts series, or a sequence of either (forecasts from several origins)."""


def plot_forecasts(
    actual: Any,
    forecasts: Mapping[str, Frames],
    channels: Sequence[Any] | None = None,
    *,
    intervals: Mapping[str, tuple[Frames, Frames]] | None = None,
    history: int | None = None,
    axes: Sequence[Axes] | None = None,
) -> Figure:
    """Draw forecasts of chosen channels against what happened, a panel for each channel.

    Parameters
    ----------
    actual : DataFrame or TimeSeries
        Rows of all channels, before and through the forecasts where known.
    forecasts : dict
        Of each model, by the name that the legend gives it, a DataFrame or Darts series with the
        channels as columns, or a list of these: forecasts from several origins. Point forecasts.
    channels : sequence of column labels, optional
        Channels to draw; the first six if not given.
    intervals : dict, optional
        Of some of these models, the lower and the upper bounds, each as the forecasts are given;
        drawn as bands in the colour of the model.
    history : int, optional
        Rows of ``actual`` drawn before the first forecast; all if not given.
    axes : sequence of Axes, optional
        One for each channel; a new figure if not given.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If a channel is missing, an interval belongs to no forecast, or the number of axes is not
        that of the channels.
    """
    known = _frame(actual)
    runs = {name: _frames(given) for name, given in forecasts.items()}
    bands = {
        name: list(zip(_frames(low), _frames(high), strict=True))
        for name, (low, high) in (intervals or {}).items()
    }
    if strangers := [name for name in bands if name not in runs]:
        raise ValueError(
            f"There are intervals of {', '.join(map(repr, strangers))}, and no forecasts. Expected "
            f"some of: {', '.join(map(repr, runs))}."
        )
    if channels is None:
        channels = list(known.columns[:6])
    for name, frames in (("actual", [known]), *runs.items()):
        for frame in frames:
            absent = [channel for channel in channels if channel not in frame.columns]
            if absent:
                raise ValueError(
                    f"{name!r} has no channel {', '.join(map(repr, absent))}. It has: "
                    f"{', '.join(map(repr, frame.columns[:10]))}."
                )
    if axes is None:
        axes = _grid(len(channels))
    if len(axes) != len(channels):
        raise ValueError(f"Expected an axis for each of {len(channels)} channels; got {len(axes)}.")

    starts = [frame.index[0] for frames in runs.values() for frame in frames]
    if history is not None and starts:
        first = int(known.index.searchsorted(min(starts)))
        known = known.iloc[max(0, first - history) :]
    for ax, channel in zip(axes, channels, strict=True):
        ax.plot(known.index, known[channel], color="black", linewidth=1.2, label="actual")
        for i, (name, frames) in enumerate(runs.items()):
            for j, frame in enumerate(frames):
                ax.plot(
                    frame.index,
                    frame[channel],
                    color=f"C{i}",
                    # thinner one after the other: equal forecasts all stay visible
                    linewidth=max(1.2, 3.6 - 0.8 * i),
                    alpha=0.9,
                    label=name if j == 0 else None,
                )
            for low, high in bands.get(name, []):
                ax.fill_between(
                    low.index, low[channel], high[channel], color=f"C{i}", alpha=0.2, linewidth=0
                )
        ax.set_title(str(channel), loc="left", fontsize="medium")
        if isinstance(known.index, pd.DatetimeIndex):
            dates = ax.xaxis.get_major_locator()
            ax.xaxis.set_major_formatter(ConciseDateFormatter(dates))
        open_frame(ax)
        ax.margins(x=0.02)
        ax.tick_params(labelsize="small")
    axes[0].legend(frameon=False, fontsize="small")
    return figure_of(axes[0])


def _frame(series: Any) -> pd.DataFrame:
    """Return a table of floats; sktime's periods and Darts' series become what can be drawn."""
    frame = series if isinstance(series, pd.DataFrame) else series.to_dataframe()
    if isinstance(frame.index, pd.PeriodIndex):
        frame = frame.set_axis(frame.index.to_timestamp())
    return frame


def _frames(given: Frames) -> list[pd.DataFrame]:
    return [_frame(one) for one in (given if isinstance(given, (list, tuple)) else [given])]


def _grid(n_panels: int) -> list[Axes]:
    n_columns = min(3, n_panels)
    n_rows = math.ceil(n_panels / n_columns)
    figure, axes = plt.subplots(
        n_rows,
        n_columns,
        figsize=(4.2 * n_columns, 2.8 * n_rows),
        squeeze=False,
        layout="constrained",
    )
    flat = list(axes.flat)
    for spare in flat[n_panels:]:
        figure.delaxes(spare)
    return flat[:n_panels]

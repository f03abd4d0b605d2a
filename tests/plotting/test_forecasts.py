"""Forecasts as pictures: what is drawn, read back from the artists."""

import numpy as np
import pandas as pd
import pytest
from darts import TimeSeries
from matplotlib.colors import to_rgb

from hyperforecast.plotting import plot_forecasts


def test_lines_hold_the_series_and_every_forecast(panel: pd.DataFrame) -> None:
    parts = [panel.iloc[100:103] + 1, panel.iloc[110:113] + 2]
    other = TimeSeries.from_dataframe(panel.iloc[100:103] - 1, freq="D")
    figure = plot_forecasts(panel, {"one": parts, "other": other}, ["c", "a"], history=5)
    axes = figure.axes
    assert [ax.get_title(loc="left") for ax in axes] == ["c", "a"]
    for ax, channel in zip(axes, ["c", "a"], strict=True):
        drawn = [np.asarray(line.get_ydata(), dtype=float) for line in ax.get_lines()]
        expected = [panel.iloc[95:], *parts, panel.iloc[100:103] - 1]
        for values, frame in zip(drawn, expected, strict=True):
            np.testing.assert_allclose(values, frame[channel])
    legend = axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["actual", "one", "other"]


def test_an_unknown_channel(panel: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match=r"'actual' has no channel 'z'. It has: 'a', 'b', 'c'"):
        plot_forecasts(panel, {}, ["z"])


def test_intervals_are_bands_in_the_colour_of_their_forecasts(panel: pd.DataFrame) -> None:
    point = panel.iloc[100:103]
    figure = plot_forecasts(
        panel,
        {"one": point, "two": point + 5},
        ["a"],
        intervals={"two": (point - 1, point + 2)},
    )
    (ax,) = figure.axes
    (band,) = ax.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert heights.min() == pytest.approx((point["a"] - 1).min())
    assert heights.max() == pytest.approx((point["a"] + 2).max())
    line = next(line for line in ax.get_lines() if line.get_label() == "two")
    assert to_rgb(band.get_facecolor()[0]) == to_rgb(line.get_color())


def test_intervals_of_no_forecast(panel: pd.DataFrame) -> None:
    point = panel.iloc[100:103]
    with pytest.raises(ValueError, match=r"intervals of 'b', and no forecasts. Expected .* 'a'"):
        plot_forecasts(panel, {"a": point}, intervals={"b": (point, point)})

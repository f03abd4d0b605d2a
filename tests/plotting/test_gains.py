"""What each channel gains, read back from the bars."""

import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from hyperforecast.plotting import plot_channel_gains


def test_bars_are_the_parts_saved_sorted_by_name() -> None:
    errors = pd.Series({"a": 1.0, "b": 3.0, "c": 0.5})
    reference = pd.Series({"c": 2.0, "b": 2.0, "a": 2.0})
    kinds = pd.Series({"a": "wind", "b": "rain", "c": "wind"})
    ax = plot_channel_gains(errors, reference, colour=kinds)
    assert [bar.get_width() for bar in ax.patches] == [-50.0, 50.0, 75.0]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["b", "a", "c"]
    colours = [to_rgb(bar.get_facecolor()) for bar in ax.patches]
    assert colours[1] == colours[2] != colours[0]


def test_errors_of_other_channels() -> None:
    one = pd.Series({"a": 1.0})
    with pytest.raises(ValueError, match="not the same"):
        plot_channel_gains(one, pd.Series({"b": 1.0}))
    with pytest.raises(ValueError, match=r"error of 'a' is 0.0. Expected errors above zero"):
        plot_channel_gains(one, one * 0)

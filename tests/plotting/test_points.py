"""Points whose colour and form say something of channels, read back from the artists."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from hyperforecast.plotting.points import draw_points

PLACES = pd.DataFrame({"x": [0.0, 1.0, 2.0], "y": [3.0, 4.0, 5.0]}, index=list("abc"))
KINDS = pd.Series({"c": "wind", "a": "rain", "b": "wind"})


def test_categories_have_colours_and_a_legend() -> None:
    _, ax = plt.subplots()
    draw_points(ax, PLACES, KINDS)
    (points,) = ax.collections
    np.testing.assert_array_equal(points.get_offsets(), PLACES)
    first, *others = [to_rgb(colour) for colour in points.get_facecolors()]
    assert first not in others
    assert len(set(others)) == 1
    legend = ax.get_legend()
    assert legend is not None
    entries = zip(legend.get_texts(), legend.get_lines(), strict=True)
    shown = {text.get_text(): to_rgb(line.get_color()) for text, line in entries}
    assert shown == {"rain": first, "wind": others[0]}


def test_forms_share_one_scale_of_colours() -> None:
    _, ax = plt.subplots()
    level = pd.Series({"a": 1.0, "b": 2.0, "c": 5.0}, name="level")
    draw_points(ax, PLACES, level, marker=KINDS)
    drawn = {tuple(group.get_array().tolist()): group.get_clim() for group in ax.collections}
    assert drawn == {(1.0,): (1.0, 5.0), (2.0, 5.0): (1.0, 5.0)}
    assert ax.figure.axes[1].get_ylabel() == "level"


def test_a_channel_of_which_nothing_is_said() -> None:
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match=r"marker says nothing of 1 of 3 channels, of which 'b'"):
        draw_points(ax, PLACES, marker=KINDS.drop("b"))

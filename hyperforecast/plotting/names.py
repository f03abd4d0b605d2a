"""Names beside the points of a picture."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from hyperforecast.plotting.canvas import figure_of


def write_names(ax: Axes, places: pd.DataFrame, names: Sequence[Any] | int) -> None:
    """Write names beside their points, in the first of a few places that is free.

    Parameters
    ----------
    ax : Axes
        With the points drawn.
    places : DataFrame, shape (C, 2)
        Where the points are, in data units; the index holds their names.
    names : sequence, or int
        Names to write; or the most to write, beginning with the points farthest out. A name that
        would cover another or a point is left out, unless it is asked for.
    """
    size = 8.0
    figure = figure_of(ax)
    figure.draw_without_rendering()  # settles limits and layout, which tell where points lie
    pixels = ax.transData.transform(places.to_numpy())
    if isinstance(names, int):
        outward = np.hypot(*(pixels - pixels.mean(axis=0)).T)
        chosen, limit, asked = np.argsort(-outward), names, False
    else:
        absent = [name for name in names if name not in places.index]
        if absent:
            raise ValueError(f"There is no channel {', '.join(map(repr, absent))} to name.")
        chosen, limit, asked = places.index.get_indexer(pd.Index(names)), len(names), True
    point = figure.dpi / 72
    reach = 4 * point
    frame = ax.get_window_extent()
    # points are obstacles, too
    taken = [(px - reach / 2, py - reach / 2, px + reach / 2, py + reach / 2) for px, py in pixels]
    written = 0
    for i in chosen:
        if written == limit:
            break
        text = str(places.index[i])
        width, height = 0.56 * size * len(text) * point, 1.1 * size * point
        px, py = pixels[i]
        candidates = [
            (px + reach, py - height / 2, "left", "center"),
            (px - reach - width, py - height / 2, "right", "center"),
            (px - width / 2, py + reach, "center", "bottom"),
            (px - width / 2, py - reach - height, "center", "top"),
        ]
        free = [
            (left, low, across, along)
            for left, low, across, along in candidates
            if left > frame.x0
            and left + width < frame.x1
            and not any(
                left < x1 and x0 < left + width and low < y1 and y0 < low + height
                for x0, y0, x1, y1 in taken
            )
        ]
        if not free and not asked:
            continue
        left, low, across, along = (free or candidates)[0]
        offset = {"left": 4, "right": -4, "bottom": 4, "top": -4}
        ax.annotate(
            text,
            places.iloc[i].to_numpy(),
            xytext=(offset.get(across, 0), offset.get(along, 0)),
            textcoords="offset points",
            ha=across,
            va=along,
            fontsize=size,
        )
        taken.append((left, low, left + width, low + height))
        written += 1

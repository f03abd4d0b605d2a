"""Points of channels whose colour and form say something of them."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hyperforecast.plotting.canvas import colours_of, figure_of

MARKERS = "os^DvPX*<>"
"""Forms of points, one for each category; after the last they begin again."""

DOT: dict[str, Any] = {"alpha": 0.9, "linewidths": 0}


def draw_points(
    ax: Axes,
    places: pd.DataFrame,
    colour: pd.Series | None = None,
    marker: pd.Series | None = None,
    size: float = 22.0,
) -> None:
    """Draw a point for each channel, with a bar or a legend where its colour and form say much.

    Parameters
    ----------
    ax : Axes
    places : DataFrame, shape (C, 2)
        Where the points are; the index holds the channels.
    colour : Series, optional
        A number or a category for each channel, by name.
    marker : Series, optional
        A category for each channel, by name.
    size : float, default=22
        Area of a point, in square points of the page.

    Raises
    ------
    ValueError
        If a channel has no colour or form.
    """
    colours, forms = np.full(len(places), "C0", dtype=object), np.full(len(places), MARKERS[0])
    numbers = None
    legend: list[Line2D] = []
    if colour is not None:
        given = _of_channels(colour, places, "colour")
        if pd.api.types.is_numeric_dtype(given):
            numbers = given.to_numpy(dtype=float)
        else:
            palette = colours_of(given)
            colours = np.array([palette[kind] for kind in given], dtype=object)
            legend += [_entry(str(kind), shade, "o") for kind, shade in palette.items()]
    if marker is not None:
        codes, kinds = pd.factorize(_of_channels(marker, places, "marker"))
        forms = np.array([MARKERS[code % len(MARKERS)] for code in codes])
        legend += [
            _entry(str(kind), "grey", MARKERS[i % len(MARKERS)]) for i, kind in enumerate(kinds)
        ]
    scale: dict[str, Any] = {}
    if numbers is not None:
        scale = {"cmap": "viridis", "vmin": numbers.min(), "vmax": numbers.max()}
    for form in dict.fromkeys(forms):
        at = np.flatnonzero(forms == form)
        x, y = places.iloc[at].to_numpy().T
        shades = list(colours[at]) if numbers is None else numbers[at]
        points = ax.scatter(x, y, s=size, c=shades, marker=form, **scale, **DOT)
    if colour is not None and numbers is not None:
        figure_of(ax).colorbar(points, ax=ax, label=str(colour.name or ""), shrink=0.8, pad=0.01)
    if legend:
        ax.legend(
            handles=legend,
            fontsize="small",
            frameon=False,
            loc="center left",
            bbox_to_anchor=(1.0, 0.5),
        )


def _of_channels(given: pd.Series, places: pd.DataFrame, name: str) -> pd.Series:
    """Return what is given for the channels, in their order."""
    if absent := [channel for channel in places.index if channel not in given.index]:
        raise ValueError(
            f"{name} says nothing of {len(absent)} of {len(places)} channels, of which "
            f"{absent[0]!r} is the first. Expected a value for each channel, by its name."
        )
    return given.loc[places.index]


def _entry(label: str, colour: str, form: str) -> Line2D:
    return Line2D([], [], linestyle="", marker=form, color=colour, label=label)

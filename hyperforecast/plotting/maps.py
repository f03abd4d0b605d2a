"""Maps of the channels as pictures: a point for each, names beside some of them."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from hyperforecast.diagnostics import channel_clusters, channel_map, channel_positions
from hyperforecast.plotting.canvas import given_or_new, open_frame
from hyperforecast.plotting.names import write_names
from hyperforecast.plotting.points import draw_points

SIZE = (7, 6)


def plot_channel_map(
    model: Any,
    names: Sequence[Any] | int = 24,
    *,
    of: Literal["embedding", "heads"] = "embedding",
    colour: pd.Series | None = None,
    marker: pd.Series | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the two leading components of the channels' vectors, with the names of some channels.

    Parameters
    ----------
    model : HyperforecastModel, BaseHyperforecastForecaster or DataFrame
    names : sequence of channels, or int, default=24
        Channels to name; or the most names to write, beginning with the channels farthest out. A
        name that would cover another is left out, unless it is asked for.
    of : {"embedding", "heads"}, default="embedding"
        See :func:`~hyperforecast.diagnostics.channel_map`.
    colour : Series, optional
        A number or a category for each channel, by name, shown as its colour; its ``name`` labels
        the bar or the legend.
    marker : Series, optional
        A category for each channel, by name, shown as the form of its point.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If channels have no vectors, or ``colour`` or ``marker`` lacks some of them.
    """
    places = channel_map(model, of=of)
    ax = given_or_new(ax, figsize=SIZE)
    draw_points(ax, places, colour, marker)
    for axis, label, share in zip(
        (ax.xaxis, ax.yaxis), places.columns, places.attrs["explained"], strict=True
    ):
        axis.set_label_text(f"{label} ({share:.0%} of variance)")
    _name(ax, places, names)
    return ax


def plot_channel_positions(
    model: Any,
    n_clusters: int | None = None,
    names: Sequence[Any] | int = 24,
    ax: Axes | None = None,
) -> Axes:
    """Draw the channels in the plane, those with like gates close, coloured by cluster.

    Parameters
    ----------
    model : LightSAEModel or LightSAEForecaster
        Trained, with ``variant="light"``.
    n_clusters : int, optional
        See :func:`~hyperforecast.diagnostics.channel_clusters`.
    names : sequence of channels, or int, default=24
        Channels to name; or the most names to write, beginning with the channels farthest out. A
        name that would cover another is left out, unless it is asked for.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
    """
    positions = channel_positions(model)
    clusters = channel_clusters(model, n_clusters) if len(positions) > 1 else [0]
    ax = given_or_new(ax, figsize=SIZE)
    colours = np.asarray(clusters) % 10  # as many as the map has
    ax.scatter(positions["x"], positions["y"], c=colours, cmap="tab10", vmin=0, vmax=9, s=25)
    ax.set_xlabel("first principal component of the gates")
    ax.set_ylabel("second principal component")
    ax.set_aspect("equal", adjustable="datalim")
    _name(ax, positions, names)
    return ax


def _name(ax: Axes, places: pd.DataFrame, names: Sequence[Any] | int) -> None:
    """Make room around the points, and write names beside them."""
    ax.margins(0.08)
    open_frame(ax)
    write_names(ax, places, names)

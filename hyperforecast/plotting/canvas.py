"""Axes and figures to draw into."""

from collections.abc import Hashable, Iterable
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure


def given_or_new(ax: Axes | None, **figure: Any) -> Axes:
    """Return the axes given, or those of a new figure."""
    return plt.subplots(layout="constrained", **figure)[1] if ax is None else ax


def figure_of(ax: Axes) -> Figure:
    """Return the whole figure that axes stand in."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure


def open_frame(ax: Axes) -> None:
    """Leave out the lines above and to the right of the axes."""
    ax.spines[["top", "right"]].set_visible(False)


def colours_of(kinds: Iterable[Hashable]) -> dict[Any, str]:
    """Return a colour for each kind, in the order of their first appearance; ten, then again."""
    return {kind: f"C{i % 10}" for i, kind in enumerate(dict.fromkeys(kinds))}

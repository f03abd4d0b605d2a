"""The gates of the channels as a heat map."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from hyperforecast.diagnostics import channel_clusters, channel_gates
from hyperforecast.plotting.canvas import given_or_new

MAX_NAMES = 40
"""Number of channels above which a heat map does not name its rows."""


def plot_gates(model: Any, n_clusters: int | None = None, ax: Axes | None = None) -> Axes:
    """Draw the gates as a heat map, channels ordered by cluster.

    Parameters
    ----------
    model : LightSAEModel or LightSAEForecaster
        Trained, with ``variant="light"``.
    n_clusters : int, optional
        See :func:`~hyperforecast.diagnostics.channel_clusters`.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
    """
    gates = channel_gates(model)
    borders: np.ndarray = np.empty(0)
    if len(gates) > 1:
        clusters = channel_clusters(model, n_clusters).to_numpy()
        gates = gates.iloc[np.argsort(clusters, kind="stable")]
        borders = np.cumsum(np.bincount(clusters))[:-1] - 0.5
    ax = given_or_new(ax)
    image = ax.imshow(gates, aspect="auto", cmap="viridis", vmin=0, interpolation="nearest")
    ax.hlines(borders, -0.5, gates.shape[1] - 0.5, color="white", linewidth=1)
    ax.figure.colorbar(image, ax=ax, label="gate")
    ax.set_xlabel("component")
    ax.set_xticks(range(gates.shape[1]))
    if len(gates) <= MAX_NAMES:
        ax.set_yticks(range(len(gates)), [str(name) for name in gates.index], fontsize="small")
    else:
        ax.set_ylabel(f"{len(gates)} channels, by cluster")
    return ax

"""Pictures of what a trained LightSAE made of its channels."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from hyperforecast.diagnostics import (
    auxiliary_energy,
    channel_clusters,
    channel_gates,
    channel_positions,
)
from hyperforecast.plotting_names import write_names

__all__ = ["plot_auxiliary_energy", "plot_channel_positions", "plot_gates"]

MAX_NAMES = 40
"""Number of channels above which a heat map does not name its rows."""


def plot_auxiliary_energy(model: Any, ax: Axes | None = None) -> Axes:
    """Draw each channel's cumulative energy over the singular values, and their median.

    Parameters
    ----------
    model : LightSAEModel or LightSAEForecaster
        See :func:`~hyperforecast.diagnostics.auxiliary_energy`.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
    """
    energy = auxiliary_energy(model).dropna()
    ax = _axes(ax)
    ax.plot(energy.columns, energy.to_numpy().T, color="tab:blue", alpha=0.3, linewidth=1)
    ax.plot(energy.columns, energy.median(), color="black", linewidth=2, label="median channel")
    ax.set_xlabel("singular values kept")
    ax.set_ylabel("share of the auxiliary weight's energy")
    ax.set_ylim(0, 1.02)
    ax.legend(loc="lower right")
    return ax


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
    ax = _axes(ax)
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
    if ax is None:
        _, ax = plt.subplots(figsize=(7, 6), layout="constrained")
    colours = np.asarray(clusters) % 10  # as many as the map has
    ax.scatter(positions["x"], positions["y"], c=colours, cmap="tab10", vmin=0, vmax=9, s=25)
    ax.set_xlabel("first principal component of the gates")
    ax.set_ylabel("second principal component")
    ax.margins(0.08)
    ax.set_aspect("equal", adjustable="datalim")
    ax.spines[["top", "right"]].set_visible(False)
    write_names(ax, positions, names)
    return ax


def _axes(ax: Axes | None) -> Axes:
    return plt.subplots(layout="constrained")[1] if ax is None else ax

"""Pictures of what a trained LightSAE made of its channels."""

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

__all__ = ["plot_auxiliary_energy", "plot_channel_positions", "plot_gates"]

MAX_NAMES = 40
"""Number of channels above which they are not named one by one."""


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
    if len(gates) > 1:
        clusters = channel_clusters(model, n_clusters)
        gates = gates.iloc[np.argsort(clusters.to_numpy(), kind="stable")]
    ax = _axes(ax)
    image = ax.imshow(gates, aspect="auto", cmap="viridis", vmin=0, interpolation="nearest")
    ax.figure.colorbar(image, ax=ax, label="gate")
    ax.set_xlabel("component")
    ax.set_xticks(range(gates.shape[1]))
    if len(gates) <= MAX_NAMES:
        ax.set_yticks(range(len(gates)), [str(name) for name in gates.index], fontsize="small")
    else:
        ax.set_ylabel(f"{len(gates)} channels, by cluster")
    return ax


def plot_channel_positions(
    model: Any, n_clusters: int | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the channels in the plane, those with like gates close, coloured by cluster.

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
    positions = channel_positions(model)
    clusters = channel_clusters(model, n_clusters) if len(positions) > 1 else [0]
    ax = _axes(ax)
    ax.scatter(positions["x"], positions["y"], c=clusters, cmap="tab10", vmin=0, vmax=9, s=25)
    if len(positions) <= MAX_NAMES:
        for name, x, y in positions.itertuples():
            ax.annotate(
                str(name), (x, y), fontsize="small", xytext=(3, 3), textcoords="offset points"
            )
    ax.set_xlabel("first principal component of the gates")
    ax.set_ylabel("second principal component")
    return ax


def _axes(ax: Axes | None) -> Axes:
    return plt.subplots(layout="constrained")[1] if ax is None else ax

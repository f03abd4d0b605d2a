"""The singular values of the auxiliary weights as curves."""

from typing import Any

from matplotlib.axes import Axes

from hyperforecast.diagnostics import auxiliary_energy
from hyperforecast.plotting.canvas import given_or_new


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
    ax = given_or_new(ax)
    ax.plot(energy.columns, energy.to_numpy().T, color="tab:blue", alpha=0.3, linewidth=1)
    ax.plot(energy.columns, energy.median(), color="black", linewidth=2, label="median channel")
    ax.set_xlabel("singular values kept")
    ax.set_ylabel("share of the auxiliary weight's energy")
    ax.set_ylim(0, 1.02)
    ax.legend(loc="lower right")
    return ax

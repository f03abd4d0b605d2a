"""What each channel gains by one model over another, as bars."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from hyperforecast.plotting.canvas import colours_of, given_or_new, open_frame

MAX_NAMES = 60
"""Number of channels above which bars are not named."""


def plot_channel_gains(
    errors: pd.Series,
    reference: pd.Series,
    *,
    colour: pd.Series | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw for each channel the part of a reference's error that a model saves, sorted.

    Parameters
    ----------
    errors, reference : Series
        Mean error of the model and of the reference, of each channel by name; the reference's are
        positive.
    colour : Series, optional
        A category for each channel, by name.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the two have other channels, or an error of the reference is zero.
    """
    if set(errors.index) != set(reference.index):
        raise ValueError(
            f"errors are of {len(errors)} channels and reference of {len(reference)}, which are "
            "not the same. Expected one of each for every channel."
        )
    if not (reference > 0).all():
        name = reference.index[~(reference > 0)][0]
        raise ValueError(
            f"The reference's error of {name!r} is {reference[name]}. Expected errors above zero; "
            "leave out channels that it forecasts without one."
        )
    gains = (1.0 - errors / reference.loc[errors.index]).sort_values()
    ax = given_or_new(ax, figsize=(7, max(2.5, 0.19 * min(len(gains), MAX_NAMES))))
    shades: list[str] = ["C0"] * len(gains)
    if colour is not None:
        palette = colours_of(colour)
        shades = [palette[kind] for kind in colour.loc[gains.index]]
        ax.legend(
            handles=[Patch(color=shade, label=str(kind)) for kind, shade in palette.items()],
            fontsize="small",
            frameon=False,
            loc="lower right",
        )
    positions = np.arange(len(gains))
    ax.barh(positions, 100.0 * gains.to_numpy(), color=shades)
    if len(gains) <= MAX_NAMES:
        ax.set_yticks(positions, [str(name) for name in gains.index], fontsize="x-small")
    else:
        ax.set_yticks([])
        ax.set_ylabel(f"{len(gains)} channels")
    ax.axvline(0.0, color="black", linewidth=0.8)
    ax.set_xlabel("error saved, per cent")
    ax.margins(y=0.01)
    open_frame(ax)
    return ax

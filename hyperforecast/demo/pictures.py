"""Pictures of the forecasts and of the channels, saved as files."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hyperforecast.demo.errors import Entry
from hyperforecast.demo.models import HN_ADAM, HN_EXACT, INDIVIDUAL, PLAIN
from hyperforecast.demo.plan import Plan


def draw(
    plan: Plan,
    entries: Sequence[Entry],
    folder: Path,
    channels: Sequence[Any] | None,
    title: str,
) -> dict[str, Path]:
    """Save the pictures and return their paths."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    from hyperforecast.plotting import plot_channel_map, plot_forecasts
    from hyperforecast.plotting.canvas import figure_of

    by_name = {entry.name: entry for entry in entries if entry.host == "Darts"}
    columns = plan.data.columns
    if channels is None:
        picked = np.linspace(0, len(columns) - 1, min(6, len(columns))).round().astype(int)
        channels = [columns[i] for i in picked]
    apart = math.ceil(plan.horizon / plan.stride)  # forecasts that do not overlap
    kept = list(range(len(plan.origins)))[::-1][::apart][:3][::-1]
    last = plan.origins[kept[-1]] + plan.horizon
    figure = plot_forecasts(
        plan.data.iloc[:last],
        {
            name: [by_name[name].forecasts[i] for i in kept]
            for name in (HN_EXACT, HN_ADAM, PLAIN, INDIVIDUAL)
        },
        channels,
        history=max(plan.lookback, 2 * plan.horizon),
    )
    paths = {"Forecasts": folder / "forecasts.png", "Channel map": folder / "channel_map.png"}
    figure.savefig(paths["Forecasts"], dpi=130)
    plt.close(figure)

    level = plan.training.mean().rename("mean of the training rows")
    level.index = level.index.map(str)
    mapped = next((by_name[n] for n in (HN_EXACT, HN_ADAM) if _has_embedding(by_name[n])), None)
    if mapped is None:  # a single channel
        del paths["Channel map"]
        return paths
    ax = plot_channel_map(mapped.model, 40, colour=level)
    ax.set_title(f"{title}\nchannels as placed by {mapped.name}", loc="left", fontsize="medium")
    figure = figure_of(ax)
    figure.set_size_inches(10, 7)
    figure.savefig(paths["Channel map"], dpi=130)
    plt.close(figure)
    return paths


def _has_embedding(entry: Entry) -> bool:
    """Say whether a model learned vectors: neither one head for all nor free heads."""
    from hyperforecast.diagnostics import channel_embedding

    try:
        vectors = channel_embedding(entry.model)
    except ValueError:
        return False
    return vectors.shape[1] < vectors.shape[0]

"""Pictures of the forecasts and of the channels, saved as files."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hyperforecast.automatic.names import ONE_FOR_ALL
from hyperforecast.demo.errors import Entry
from hyperforecast.demo.intervals import forecast_intervals
from hyperforecast.demo.models import AUTO, HN
from hyperforecast.demo.plan import Plan
from hyperforecast.demo.subject import Subject

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N_FORECASTS = 3
"""Number of forecasts drawn, the last ones that do not overlap."""


def draw(plan: Plan, entries: Sequence[Entry], folder: Path, subject: Subject) -> dict[str, Path]:
    """Save the pictures and return their paths."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    from hyperforecast.plotting import plot_channel_gains, plot_channel_map, plot_forecasts
    from hyperforecast.plotting.canvas import figure_of

    by_name = {entry.name: entry for entry in entries if entry.host == "Darts"}
    automatic, hyper, plain = by_name[AUTO], by_name[HN], by_name[ONE_FOR_ALL]
    paths: dict[str, Path] = {}

    def save(figure: "Figure", what: str, name: str) -> None:
        paths[what] = folder / name
        figure.savefig(paths[what], dpi=100)
        plt.close(figure)

    apart = math.ceil(plan.horizon / plan.stride)
    kept = list(range(len(plan.origins)))[::-1][::apart][:N_FORECASTS][::-1]
    last = plan.origins[kept[-1]] + plan.horizon
    figure = plot_forecasts(
        plan.data.iloc[:last],
        {one.name: [one.forecasts[i] for i in kept] for one in (automatic, plain)},
        subject.shown,
        intervals={
            AUTO: forecast_intervals(automatic.model, plan, [plan.origins[i] for i in kept])
        },
        history=2 * plan.horizon,
    )
    save(figure, "Forecasts, with intervals that hold nine of ten values", "forecasts.png")

    of = _map_of(hyper)
    if of is not None:
        ax = plot_channel_map(hyper.model, 60, of=of, colour=subject.kinds, marker=subject.places)
        what = "their vectors" if of == "embedding" else "the weights of their heads"
        ax.set_title(f"{subject.title}\nchannels by {what}", loc="left", fontsize="medium")
        figure = figure_of(ax)
        figure.set_size_inches(10, 7)
        save(figure, "Channel map", "channel_map.png")

    known = plain.mse[plain.mse > 0].index
    ax = plot_channel_gains(hyper.mse[known], plain.mse[known], colour=subject.kinds)
    ax.set_title(f"{HN} instead of {ONE_FOR_ALL}", loc="left", fontsize="medium")
    save(figure_of(ax), "Gain of each channel", "gains.png")
    return paths


def _map_of(entry: Entry) -> Literal["embedding", "heads"] | None:
    """Say what tells the channels of a model apart, if anything does."""
    from hyperforecast.diagnostics import channel_embedding

    try:
        vectors = channel_embedding(entry.model)
    except ValueError:
        return None
    return "embedding" if vectors.shape[1] < vectors.shape[0] else "heads"

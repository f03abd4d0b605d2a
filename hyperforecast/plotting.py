"""Pictures of forecasts and of what a model made of its channels.

Every function draws into axes that are given or into a new figure, returns them, and leaves it to
the caller to show or save them.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hyperforecast.nn.eigenvectors import fix_signs
from hyperforecast.plotting_gates import plot_auxiliary_energy, plot_channel_positions, plot_gates
from hyperforecast.plotting_names import write_names

__all__ = [
    "channel_map",
    "plot_auxiliary_energy",
    "plot_channel_map",
    "plot_channel_positions",
    "plot_forecasts",
    "plot_gates",
]

Frames = Any
"""A DataFrame, a Darts series, or a sequence of either (forecasts from several origins)."""


def plot_forecasts(
    actual: Any,
    forecasts: Mapping[str, Frames],
    channels: Sequence[Any] | None = None,
    *,
    history: int | None = None,
    axes: Sequence[Axes] | None = None,
) -> Figure:
    """Draw forecasts of chosen channels against what happened, a panel for each channel.

    Parameters
    ----------
    actual : DataFrame or TimeSeries
        Rows of all channels, before and through the forecasts where known.
    forecasts : dict
        Of each model, by the name that the legend gives it, a DataFrame or Darts series with the
        channels as columns, or a list of these: forecasts from several origins. Point forecasts.
    channels : sequence of column labels, optional
        Channels to draw; the first six if not given.
    history : int, optional
        Rows of ``actual`` drawn before the first forecast; all if not given.
    axes : sequence of Axes, optional
        One for each channel; a new figure if not given.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If a channel is missing, or the number of axes is not that of the channels.
    """
    known = _frame(actual)
    runs = {name: [_frame(one) for one in _sequence(given)] for name, given in forecasts.items()}
    if channels is None:
        channels = list(known.columns[:6])
    for name, frames in (("actual", [known]), *runs.items()):
        for frame in frames:
            absent = [channel for channel in channels if channel not in frame.columns]
            if absent:
                raise ValueError(
                    f"{name!r} has no channel {', '.join(map(repr, absent))}. It has: "
                    f"{', '.join(map(repr, frame.columns[:10]))}."
                )
    if axes is None:
        axes = _grid(len(channels))
    if len(axes) != len(channels):
        raise ValueError(f"Expected an axis for each of {len(channels)} channels; got {len(axes)}.")

    starts = [frame.index[0] for frames in runs.values() for frame in frames]
    if history is not None and starts:
        first = int(known.index.searchsorted(min(starts)))
        known = known.iloc[max(0, first - history) :]
    for ax, channel in zip(axes, channels, strict=True):
        ax.plot(known.index, known[channel], color="black", linewidth=1.2, label="actual")
        for i, (name, frames) in enumerate(runs.items()):
            for j, frame in enumerate(frames):
                ax.plot(
                    frame.index,
                    frame[channel],
                    color=f"C{i}",
                    # thinner one after the other: equal forecasts all stay visible
                    linewidth=max(1.2, 3.6 - 0.8 * i),
                    alpha=0.9,
                    label=name if j == 0 else None,
                )
        ax.set_title(str(channel), loc="left", fontsize="medium")
        ax.spines[["top", "right"]].set_visible(False)
        ax.margins(x=0.02)
        ax.tick_params(labelsize="small")
    axes[0].legend(frameon=False, fontsize="small")
    figure = axes[0].get_figure(root=True)
    assert figure is not None
    return figure


def channel_map(
    model: Any, n_components: int = 2, *, of: Literal["embedding", "heads"] = "embedding"
) -> pd.DataFrame:
    """Place every channel in a plane by what a trained model learned of it.

    Parameters
    ----------
    model : HyperforecastModel, HyperforecastForecaster or DataFrame
        A trained model of either host, or an embedding with a row for each channel.
    n_components : int, default=2
        Number of principal components. Where the vectors have fewer dimensions the rest is zero.
    of : {"embedding", "heads"}, default="embedding"
        The learned channel embedding, or each channel's forecasting head (which a model with one
        head per channel has, too).

    Returns
    -------
    DataFrame, shape (C, n_components)
        Positions of the channels, whose rows carry their names. Channels that are forecast alike
        lie close. ``attrs["explained"]`` holds the share of the vectors' variance that each
        component explains.

    Raises
    ------
    ValueError
        If the model has one head for all channels, or the embedding is that of one free head for
        each channel, in which all channels are equally far apart.
    """
    vectors = model if isinstance(model, pd.DataFrame) else _vectors(model, of)
    values = vectors.to_numpy(dtype=float)
    centred = values - values.mean(axis=0)
    directions, lengths, _ = np.linalg.svd(centred, full_matrices=False)
    positions = fix_signs(torch.from_numpy(directions)).numpy() * lengths
    explained = lengths**2 / max(np.sum(lengths**2), np.finfo(float).tiny)
    missing = max(0, n_components - positions.shape[1])
    positions = np.pad(positions, ((0, 0), (0, missing)))[:, :n_components]
    frame = pd.DataFrame(
        positions, index=vectors.index, columns=[f"component {i + 1}" for i in range(n_components)]
    )
    frame.attrs["explained"] = np.pad(explained, (0, missing))[:n_components].tolist()
    return frame


def plot_channel_map(
    model: Any,
    names: Sequence[Any] | int = 24,
    *,
    of: Literal["embedding", "heads"] = "embedding",
    colour: pd.Series | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the two leading components of :func:`channel_map`, with the names of some channels.

    Parameters
    ----------
    model : HyperforecastModel, HyperforecastForecaster or DataFrame
    names : sequence of channels, or int, default=24
        Channels to name; or the most names to write, beginning with the channels farthest out. A
        name that would cover another is left out, unless it is asked for.
    of : {"embedding", "heads"}, default="embedding"
        See :func:`channel_map`.
    colour : Series, optional
        A number for each channel, by name, shown as its colour; its ``name`` labels the bar.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
    """
    places = channel_map(model, of=of)
    if ax is None:
        _, ax = plt.subplots(figsize=(7, 6), layout="constrained")
    x, y = places.to_numpy().T
    if colour is None:
        ax.scatter(x, y, s=22, color="C0", alpha=0.8, linewidths=0)
    else:
        shades = colour.reindex(places.index).to_numpy(dtype=float)
        points = ax.scatter(x, y, s=22, c=shades, cmap="viridis", alpha=0.9, linewidths=0)
        figure = ax.get_figure(root=True)
        assert figure is not None
        figure.colorbar(points, ax=ax, label=str(colour.name or ""), shrink=0.8, pad=0.01)
    for axis, label, share in zip(
        (ax.xaxis, ax.yaxis), places.columns, places.attrs["explained"], strict=True
    ):
        axis.set_label_text(f"{label} ({share:.0%} of variance)")
    ax.margins(0.08)
    ax.spines[["top", "right"]].set_visible(False)
    write_names(ax, places, names)
    return ax


def _vectors(model: Any, of: str) -> pd.DataFrame:
    """Return what a trained model of either host learned of each channel, a row for each."""
    darts_model = getattr(model, "model_", model)
    names = getattr(model, "channels_", None) or darts_model.channel_names
    network = darts_model.network
    if of == "heads":
        weight = getattr(network.fold().head, "weight", None)
        if weight is None or weight.dim() != 3:
            raise ValueError(
                "The model has one head for all channels, so there is no map of heads. Expected "
                "heads of each channel's own, as HN-MVTS and individual=True have."
            )
        vectors = weight.detach().flatten(1)  # (C, O, I) -> (C, O·I)
    elif of == "embedding":
        vectors = network.channel_embedding()
        if vectors is None or vectors.shape[1] == 0:
            raise ValueError(
                "The model has no channel embedding: it has one head for all channels, or free "
                "heads. Expected HN-MVTS with channel_embedding_dim >= 1; where its exact solver "
                "chose 0, one head for all forecast the rows held out as well."
            )
        if _is_identity(vectors.cpu().numpy()):
            raise ValueError(
                "The channel embedding is that of a free head for each channel: all are equally "
                "far apart. Draw the map of the heads instead, with of='heads'."
            )
    else:
        raise ValueError(f"of must be 'embedding' or 'heads'; got {of!r}.")
    values = vectors.cpu().numpy()
    return pd.DataFrame(values, index=pd.Index(names or range(len(values)), name="channel"))


def _is_identity(values: np.ndarray) -> bool:
    return values.shape[0] == values.shape[1] > 1 and np.array_equal(values, np.eye(len(values)))


def _frame(series: Any) -> pd.DataFrame:
    """Return a table of floats; sktime's periods and Darts' series become what can be drawn."""
    frame = series if isinstance(series, pd.DataFrame) else series.to_dataframe()
    if isinstance(frame.index, pd.PeriodIndex):
        frame = frame.set_axis(frame.index.to_timestamp())
    return frame


def _sequence(given: Frames) -> list[Any]:
    return list(given) if isinstance(given, (list, tuple)) else [given]


def _grid(n_panels: int) -> list[Axes]:
    n_columns = min(3, n_panels)
    n_rows = math.ceil(n_panels / n_columns)
    figure, axes = plt.subplots(
        n_rows,
        n_columns,
        figsize=(4.2 * n_columns, 2.8 * n_rows),
        squeeze=False,
        layout="constrained",
    )
    flat = list(axes.flat)
    for spare in flat[n_panels:]:
        figure.delaxes(spare)
    return flat[:n_panels]

"""Rows of tables that a pass picks: whose weights each window's channels have.

Where weights are a channel's, a table of generated weights has a row for each channel of the
activations. Where they are a series', or those of a channel of a series, it has a row for each of
these, and windows of a batch are of several series: each window's channels pick their rows.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from hyperforecast.nn.contexts.base import Axis

WeightsBy = Literal["channel", "series", "both"]
"""What weights belong to: channels, series, or channels of series."""

WEIGHTS_BY: tuple[str, ...] = get_args(WeightsBy)


def n_rows(weights_by: str, n_channels: int, n_series: int) -> int:
    """Return how many rows tables of weights have: of channels, of series, or of both."""
    return {"channel": n_channels, "series": n_series, "both": n_series * n_channels}[weights_by]


def picked_rows(weights_by: str, series: Tensor, n_channels: int) -> Tensor:
    """Return which rows the channels of windows of given series (B,) pick, (B, C).

    Parameters
    ----------
    weights_by : {"series", "both"}
    series : Tensor, shape (B,), int64
    n_channels : int
    """
    if weights_by == "series":
        return series[:, None].expand(-1, n_channels)
    return series[:, None] * n_channels + torch.arange(n_channels, device=series.device)


def side_by_side(x: Tensor, n_channels: int, n_leading: int) -> Tensor:
    """Lay the channels of all windows beside each other: (B, C or 1, ...) -> (1, B·C, ...).

    Parameters
    ----------
    x : Tensor
        With segments on a leading axis if ``n_leading`` is 1.
    n_channels : int
        Number of channels C that pick rows.
    n_leading : int
    """
    sizes = list(x.shape)
    sizes[n_leading + 1] = n_channels
    return x.expand(sizes).flatten(n_leading, n_leading + 1).unsqueeze(n_leading)


def by_window(y: Tensor, n_channels: int, n_leading: int) -> Tensor:
    """Undo :func:`side_by_side`."""
    return y.squeeze(n_leading).unflatten(n_leading, (-1, n_channels))


def pick(values: Tensor, axes: Sequence[Axis], rows: Tensor) -> Tensor:
    """Pick rows (n,) of values (*axes, ...) along their axis of channels, if they have several."""
    place = list(axes).index("channel")
    return values if values.shape[place] == 1 else values.index_select(place, rows)


def check_axes(axes: Sequence[Axis]) -> None:
    """Raise if a layer's weights differ between windows otherwise than by rows picked."""
    if "window" in axes:
        raise ValueError(
            "Terms that depend on the window cannot stand in one layer with terms whose weights "
            "belong to series. Put them into different layers, or choose weights_by='channel'."
        )

"""Linear maps that differ along axes of the activations."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hyperforecast.nn.contexts.base import AXES, Axis
from hyperforecast.nn.entities import by_window, check_axes, pick, side_by_side
from hyperforecast.nn.layers.conditioning import Condition, Conditioned


def stacked_linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Apply to each entry of the leading axis its own linear map.

    Parameters
    ----------
    x : Tensor, shape (N, ..., I) or (1, ..., I)
        With one entry on the leading axis, every map is applied to the same input.
    weight : Tensor, shape (N, O, I)
    bias : Tensor, shape (N, O) or (1, O), optional

    Returns
    -------
    Tensor, shape (N, ..., O)
    """
    n_maps, out_features, in_features = weight.shape
    if x.shape[0] == 1 and n_maps > 1:
        y = x.squeeze(0) @ weight.reshape(-1, in_features).T  # (..., N·O)
        y = y.unflatten(-1, (n_maps, out_features)).movedim(-2, 0).contiguous()
        if bias is not None:
            y = y + bias.view(bias.shape[0], *(1,) * (x.dim() - 2), out_features)
        return y
    rows = x.reshape(n_maps, -1, in_features)
    if bias is None:
        y = torch.bmm(rows, weight.transpose(1, 2))
    else:
        y = torch.baddbmm(bias.unsqueeze(1), rows, weight.transpose(1, 2))
    return y.reshape(*x.shape[:-1], out_features)


def position(axis: Axis, n_leading: int) -> int:
    """Return where activations have an axis.

    Parameters
    ----------
    axis : {"segment", "window", "channel"}
    n_leading : int
        1 if the activations have the segments on a leading axis, (S, B, C, ...), else 0.
    """
    return 0 if axis == "segment" else AXES.index(axis) - 1 + n_leading


def lifted(values: Tensor, own: Sequence[Axis], axes: Sequence[Axis]) -> Tensor:
    """Give values that differ along their ``own`` axes all of ``axes``, the others of length one.

    Both in the order of ``AXES``.
    """
    for place, axis in enumerate(axes):
        if axis not in own:
            values = values.unsqueeze(place)
    return values


def spread(values: Tensor, axes: Sequence[Axis], n_leading: int, n_axes: int) -> Tensor:
    """Lay values (*axes, F) along activations (..., F) of ``n_axes`` axes."""
    lengths = [1] * n_axes
    for axis, length in zip(axes, values.shape[:-1], strict=True):
        lengths[position(axis, n_leading)] = length
    lengths[-1] = values.shape[-1]
    return values.view(lengths)


def linear_along(
    x: Tensor, weight: Tensor, bias: Tensor | None, axes: Sequence[Axis], n_leading: int
) -> Tensor:
    """Apply to each entry of some axes its own linear map.

    Parameters
    ----------
    x : Tensor, shape (..., I)
        Of axes along which weights differ it may have one entry, which all maps are applied to.
    weight : Tensor, shape (*axes, O, I)
    bias : Tensor, shape (*axes, O), optional
        Of length one along axes along which it does not differ.
    axes : sequence of {"segment", "window", "channel"}
        In the order of ``AXES``.
    n_leading : int
        1 if x has the segments on a leading axis, else 0.

    Returns
    -------
    Tensor, shape (..., O)
    """
    if len(axes) == 0:
        return nn.functional.linear(x, weight, bias)
    if len(axes) == 1:
        if axes[0] == "segment":  # in front already
            return stacked_linear(x, weight, bias)
        place = position(axes[0], n_leading)
        return stacked_linear(x.movedim(place, 0), weight, bias).movedim(0, place)
    places = [position(axis, n_leading) for axis in axes]
    front = list(range(len(axes)))
    moved = x.movedim(places, front)
    lengths = torch.broadcast_shapes(moved.shape[: len(axes)], weight.shape[: len(axes)])
    rows = moved.expand(*lengths, *moved.shape[len(axes) :]).flatten(0, len(axes) - 1)
    maps = weight.expand(*lengths, *weight.shape[-2:]).flatten(0, len(axes) - 1)
    y = stacked_linear(rows, maps, None).unflatten(0, lengths).movedim(front, places)
    return y if bias is None else y + spread(bias, axes, n_leading, y.dim())


def linear_of_rows(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    axes: Sequence[Axis],
    n_leading: int,
    rows: Tensor | None,
) -> Tensor:
    """Apply :func:`linear_along` with the weights that each window's channels pick.

    Parameters
    ----------
    x, weight, bias, axes, n_leading
        As of :func:`linear_along`.
    rows : Tensor, shape (B, C), optional
        Which of the weights along the axis of channels each channel has; its own if not given.
    """
    if rows is None or "channel" not in axes:
        return linear_along(x, weight, bias, axes, n_leading)
    check_axes(axes)
    n_channels = rows.shape[1]
    weight = pick(weight, axes, rows.flatten())
    bias = None if bias is None else pick(bias, axes, rows.flatten())
    x = side_by_side(x, n_channels, n_leading)
    return by_window(linear_along(x, weight, bias, axes, n_leading), n_channels, n_leading)


class StackedLinear(Conditioned):
    """A linear layer with free weights for every entry of some axes of the activations.

    What a layer becomes, folded, whose weights differ between segments.

    Parameters
    ----------
    weight : Tensor, shape (*axes, O, I)
    bias : Tensor, shape (*axes, O), optional
    axes : sequence of {"segment", "window", "channel"}
        ``"segment"`` among them: the activations have it on a leading axis, and the leading
        segments that they have are computed.
    n_axes : int
        Number of axes of the activations but for the segments.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor | None, axes: Sequence[Axis], n_axes: int
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = None if bias is None else nn.Parameter(bias)
        self.axes = tuple(axes)
        self.n_axes = n_axes

    def forward(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        """Apply each entry's weight: (S', B, ..., I) -> (S', B, ..., O)."""
        if x.dim() == self.n_axes:
            raise ValueError(
                "A folded network holds the weights of each segment of the horizon, and not those "
                "that they share. Ask the network that was folded."
            )
        n_segments, x = compute_once(x)
        bias = None if self.bias is None else self.bias[:n_segments]
        rows = None if condition is None else condition.rows
        return linear_of_rows(x, self.weight[:n_segments], bias, self.axes, 1, rows)

    def extra_repr(self) -> str:
        """Sizes, for ``print(network)``."""
        *lengths, n_out, n_in = self.weight.shape
        of = ", ".join(f"{axis}={n}" for axis, n in zip(self.axes, lengths, strict=True))
        return f"{of}, in_features={n_in}, out_features={n_out}"


def compute_once(x: Tensor) -> tuple[int, Tensor]:
    """Return the number of segments on the leading axis, and x, once if it is the same for all.

    A network gives windows to all segments without a copy. The first layer whose weights differ
    then applies all of them to the one window, in one product.
    """
    return x.shape[0], x[:1] if x.stride(0) == 0 else x

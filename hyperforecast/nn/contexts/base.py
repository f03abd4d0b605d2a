"""What every context is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Literal

from torch import Tensor, nn

from hyperforecast.nn.layers.conditioning import Condition

Axis = Literal["segment", "window", "channel", "layer", "step", "task"]

AXES: tuple[Axis, ...] = ("segment", "window", "channel")
"""Axes of activations along which weights can differ, in their order. Not among them are
``"layer"`` and ``"task"``, of weights that are the same along all, and ``"step"``, of those that
change while a layer reads."""


class Context(nn.Module, ABC):
    """A vector for each entry of one axis of the activations: the c of W_0 + sum_t G_t(c_t).

    Attributes
    ----------
    axis : {"channel", "segment", "window", "layer", "step", "task"}
        The axis along which generated weights differ; with ``"layer"`` and ``"task"`` they are the
        same along all, with ``"step"`` they change while a recurrent layer reads.
    kind : str
        What the vectors are, for who looks for them in a trained network.
    pools_channels : bool
        Whether the vectors are made from the windows of all channels.
    """

    axis: ClassVar[Axis]
    kind: ClassVar[str] = ""
    pools_channels: ClassVar[bool] = False

    @property
    def static(self) -> bool:
        """Whether the vectors are the same in every pass, so that weights can be folded."""
        return self.axis not in ("window", "step")

    @abstractmethod
    def forward(self, condition: Condition | None = None) -> Tensor:
        """Return the vectors, shape (N, E); those of ``"window"`` are made from the condition."""

    def start_from(self, series: Sequence[Tensor]) -> None:
        """Start from the training series, each of shape (T, C); most contexts do not."""

    def start_at(self, vectors_of: Callable[[int], Tensor]) -> None:
        """Start from vectors (N, E) of the entries, asked for by their length E; most do not."""

    def penalty(self) -> Tensor | None:
        """Return what is added to the training loss, or ``None`` if nothing."""
        return None

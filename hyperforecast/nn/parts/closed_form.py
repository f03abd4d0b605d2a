"""What the exact solver makes of the layers that give the forecast."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

from torch import Tensor, nn


class ClosedForm(ABC):
    """How a part of the head is solved for, and where its solution is written.

    Attributes
    ----------
    channel_weights : {"shared", "generated", "individual"}
        Whether all channels have the same weights, weights generated from a vector, or their own.
    embedding_dim : int, optional
        Length of the channels' vectors; the solver chooses it if it is not given.
    """

    channel_weights: ClassVar[Literal["shared", "generated", "individual"]]

    def __init__(self, embedding_dim: int | None = None) -> None:
        self.embedding_dim = embedding_dim

    def chosen(self, embedding_dim: int) -> dict[str, Any]:
        """Return the part's options that say what the solver chose, none if it chooses nothing."""
        return {}

    def read(self, layer: nn.Module) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return the vectors, weights and biases of a layer whose weights are generated.

        See :meth:`write` for their shapes.
        """
        raise TypeError(f"{type(self).__name__} generates no weights.")

    @abstractmethod
    def write(
        self, layer: nn.Module, embedding: Tensor, weight: Tensor, bias: Tensor | None
    ) -> None:
        """Write a solution into one of the layers.

        Parameters
        ----------
        layer : Module
            As the part has left it in the network.
        embedding : Tensor, shape (C, E)
            The channels' vectors; the identity where every channel has weights of its own.
        weight : Tensor, shape (1 + E, O, I)
            A channel's weight is the first one, and the sum over e of its vector's e-th entry times
            the (1 + e)-th one.
        bias : Tensor, shape (1 + E, O), optional
        """


class SharedWeights(ClosedForm):
    """Plain layers, of which all channels have the same."""

    channel_weights = "shared"

    def write(
        self, layer: nn.Module, embedding: Tensor, weight: Tensor, bias: Tensor | None
    ) -> None:
        """Write the one weight."""
        assert isinstance(layer, nn.Linear)
        layer.weight.copy_(weight[0])
        if bias is not None:
            layer.bias.copy_(bias[0])

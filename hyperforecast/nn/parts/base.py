"""What every part is."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, get_args

from torch import Tensor, nn

from hyperforecast.nn.options import describe, option_group
from hyperforecast.nn.segments import Segments
from hyperforecast.nn.sites import NetworkSites

Slot = Literal["embedding", "modulation", "head", "adapters"]

SLOTS: tuple[Slot, ...] = get_args(Slot)
"""In the order in which parts are put into a network, at most one for each."""


class Part(ABC):
    """A row of the one equation's table: at which sites, from which context, by which generator.

    A part is its options, which are keyword-only and plain values, so that a checkpoint can hold
    them. They are declared as fields, see :func:`~hyperforecast.nn.options.option`, and checked by
    ``__post_init__``. :meth:`put_into` puts generated terms into a finished plain
    network, whose parameters keep their names and values.

    Attributes
    ----------
    slot : {"embedding", "modulation", "head", "adapters"}
        What of a network the part concerns. Of each a network has at most one part.
    """

    slot: ClassVar[Slot]

    def __init_subclass__(cls) -> None:
        option_group(cls)
        describe(cls)

    @abstractmethod
    def put_into(self, sites: NetworkSites, name: str) -> None:
        """Put the part's terms at sites of a network, under the part's name.

        Raises
        ------
        ValueError
            If there is no site for the part, or none that suits its context.
        """

    def cut(self, horizon: int) -> Segments | None:
        """Cut the horizon into segments with weights of their own, asked before any layer."""
        return None

    @property
    def embeds_into(self) -> int | None:
        """Width of a linear embedding that the network puts before the backbone, if any."""
        return None

    def trains_beside_adapters(self, name: str) -> bool:
        """Say whether a parameter of the base is trained with the adapters."""
        return False

    # closed form

    def obstacle(self) -> str | None:
        """Return what about the part rules a closed form out, ``None`` if nothing."""
        return f"{type(self).__name__} has no closed form"

    @property
    def channel_weights(self) -> Literal["shared", "generated", "individual"]:
        """What a closed form makes of the output layers."""
        return "shared"

    @property
    def given_embedding_dim(self) -> int | None:
        """Length of the channels' vectors, ``None`` if a closed form may choose it."""
        return None

    @classmethod
    def solved(cls, embedding_dim: int) -> dict[str, Any]:
        """Return the options that a solution of vectors of this length sets."""
        return {}

    def write_solution(
        self, layer: nn.Module, name: str, embedding: Tensor, weight: Tensor, bias: Tensor | None
    ) -> None:
        """Write a solution into an output layer.

        Parameters
        ----------
        layer : Module
            Where the part has put its terms, under ``name``.
        name : str
        embedding : Tensor, shape (C, E)
            The channels' vectors; the identity where every channel has weights of its own.
        weight : Tensor, shape (1 + E, O, I)
            A channel's weight is the first one, and the sum over e of its vector's e-th entry times
            the (1 + e)-th one.
        bias : Tensor, shape (1 + E, O), optional
        """
        raise TypeError(f"An exact solution cannot be written into {type(self).__name__}.")

"""What every part is."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, get_args

from hyperforecast.nn.options import describe, option_group
from hyperforecast.nn.parts.closed_form import ClosedForm
from hyperforecast.nn.segments import Segments
from hyperforecast.nn.sites import NetworkSites

Slot = Literal[
    "embedding", "convolution", "recurrence", "attention", "modulation", "head", "adapters", "tasks"
]

SLOTS: tuple[Slot, ...] = get_args(Slot)
"""In the order in which parts are put into a network, at most one for each."""


class Part(ABC):
    """A row of the one equation's table: at which sites, from which context, by which generator.

    A part is its options, which are keyword-only and plain values, so that a checkpoint can hold
    them. They are declared as fields with types and ranges, see
    :func:`~hyperforecast.nn.options.option`; :meth:`check` says what does not go together.
    :meth:`put_into` puts generated terms into a finished plain network, whose parameters keep their
    names and values.

    Attributes
    ----------
    slot : {"embedding", "convolution", "recurrence", "attention", "modulation", "head", \
"adapters", "tasks"}
        What of a network the part concerns. Of each a network has at most one part.
    """

    slot: ClassVar[Slot]

    def __init_subclass__(cls) -> None:
        option_group(cls)
        describe(cls)

    def check(self) -> None:
        """Raise if options do not go together, asked before anything else.

        Each is of its declared type and range then.
        """
        return  # without options nothing is

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

    def following(self, n_channels: int) -> dict[str, Any]:
        """Return the options that are not given and follow from the number of channels."""
        return {}

    @property
    def embeds_into(self) -> int | None:
        """Width of a linear embedding that the network puts before the backbone, if any."""
        return None

    def takes_attributes(self) -> bool:
        """Say whether attributes of what has weights of its own generate some of the part's."""
        return False

    def trains_beside_adapters(self, name: str) -> bool:
        """Say whether a parameter of the base is trained with the adapters."""
        return False

    def generates(self, name: str) -> bool:
        """Say whether a parameter of the plain network is generated, and is no parameter then."""
        return False

    def obstacle(self) -> str | None:
        """Return what about the part rules a closed form out, ``None`` if nothing."""
        return f"{type(self).__name__} has no closed form"

    def closed_form(self, name: str) -> ClosedForm:
        """Return how the part is solved for, where there is no obstacle and it is of the head.

        Parameters
        ----------
        name : str
            Under which the part is put into the network.
        """
        raise TypeError(f"{type(self).__name__} is not solved for: {self.obstacle()}.")

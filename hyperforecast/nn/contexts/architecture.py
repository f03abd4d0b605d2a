"""What a network looks like, and where in it a layer stands."""

import torch
from torch import Tensor

from hyperforecast.nn.conditioning import Condition
from hyperforecast.nn.contexts.base import Context


class ArchitectureCode(Context):
    """The coded architectures of several networks, each with the places of its layers.

    Nothing of it is learned: what an architecture means is the generator's to learn. Weights that
    are generated are the same for all segments, windows and channels.

    Parameters
    ----------
    architectures : Tensor, shape (M, E)
        Code of each network.
    places : Tensor, shape (N, F)
        Code of each place that a layer can stand at.

    References
    ----------
    Brock, Lim, Ritchie & Weston, "SMASH: One-Shot Model Architecture Search through HyperNetworks",
    ICLR 2018, arXiv 1708.05344.
    """

    axis = "layer"
    kind = "architecture"
    architectures: Tensor
    places: Tensor

    def __init__(self, architectures: Tensor, places: Tensor) -> None:
        super().__init__()
        self.register_buffer("architectures", architectures)
        self.register_buffer("places", places)

    @property
    def dim(self) -> int:
        """Length E + F of a vector."""
        return self.architectures.shape[1] + self.places.shape[1]

    def of_network(self, number: int) -> Tensor:
        """Return the vectors of one network, of length one: (N, E + F)."""
        code = self.architectures[number].expand(len(self.places), -1)
        return torch.cat([code, self.places], dim=1) * self.dim**-0.5

    def forward(self, condition: Condition | None = None) -> Tensor:
        """Return the vectors of all networks, one after the other: (M·N, E + F)."""
        return torch.cat([self.of_network(number) for number in range(len(self.architectures))])

    def extra_repr(self) -> str:
        """Sizes, for ``print(network)``."""
        n_networks, n_places = len(self.architectures), len(self.places)
        return f"n_networks={n_networks}, n_places={n_places}, dim={self.dim}"

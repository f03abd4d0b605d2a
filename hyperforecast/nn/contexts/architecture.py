"""What a network looks like, and where in it a layer stands."""

import torch
from torch import Tensor

from hyperforecast.nn.contexts.base import Context
from hyperforecast.nn.layers.conditioning import Condition


class ArchitectureCode(Context):
    """The coded architectures of several networks, each with the places of its layers.

    Nothing of it is learned: what an architecture means is the generator's to learn. Weights that
    are generated are the same for all segments, windows and channels.

    Parameters
    ----------
    architectures : Tensor, shape (M, E)
        Code of each network, of entries -1 and 1.
    places : Tensor, shape (N, F)
        Code of each place that a layer can stand at, likewise. Vectors, of both, have length one.

    References
    ----------
    Brock, Lim, Ritchie & Weston, "SMASH: One-Shot Model Architecture Search through HyperNetworks",
    ICLR 2018, arXiv 1708.05344.
    """

    axis = "layer"
    kind = "architecture"
    vectors: Tensor

    def __init__(self, architectures: Tensor, places: Tensor) -> None:
        super().__init__()
        n_networks, n_places = len(architectures), len(places)
        codes = [
            architectures[:, None].expand(-1, n_places, -1),
            places.expand(n_networks, -1, -1),
        ]
        vectors = torch.cat(codes, dim=2).flatten(0, 1)
        self.register_buffer("vectors", vectors * vectors.shape[1] ** -0.5)

    def forward(self, condition: Condition | None = None) -> Tensor:
        """Return the vectors, shape (M·N, E + F): those of a network one after the other."""
        return self.vectors

    def extra_repr(self) -> str:
        """Sizes, for ``print(network)``."""
        n_vectors, dim = self.vectors.shape
        return f"n_vectors={n_vectors}, dim={dim}"

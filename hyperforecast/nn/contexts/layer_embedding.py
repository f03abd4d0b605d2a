"""A learned vector for every layer."""

import torch
from torch import Tensor, nn

from hyperforecast.nn.contexts.base import Context
from hyperforecast.nn.layers.conditioning import Condition


class LayerEmbedding(Context):
    """The learned vectors of a layer: the context of static hypernetworks.

    Weights that are generated from them are the same for all segments, windows and channels.

    Parameters
    ----------
    n_vectors : int
        Number of vectors of the layer: one for each block of its weight.
    dim : int
        Length E of a vector.

    References
    ----------
    Ha, Dai & Le, "HyperNetworks", 2016, arXiv 1609.09106, section 3.1.
    """

    axis = "layer"
    kind = "layer"

    def __init__(self, n_vectors: int, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_vectors, dim))
        nn.init.normal_(self.weight, std=dim**-0.5)

    def forward(self, condition: Condition | None = None) -> Tensor:
        """Return the vectors, shape (n_vectors, E)."""
        return self.weight

    def extra_repr(self) -> str:
        """Sizes, for ``print(network)``."""
        n_vectors, dim = self.weight.shape
        return f"n_vectors={n_vectors}, dim={dim}"

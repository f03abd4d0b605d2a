"""What a method decides: which layer stands at each site of a backbone."""

from typing import ClassVar

from torch import nn

from hyperforecast.nn.generators import Initialiser
from hyperforecast.nn.segments import Segments


class Method:
    """The plain method: one layer for all channels at every site.

    Other methods override the sites whose weights they generate. A method is asked once for
    each layer while a network is built; what its layers share (a channel embedding, a pool) it
    makes in its constructor.

    Parameters
    ----------
    n_channels : int
        Number of channels C.
    """

    folds: ClassVar[bool] = False
    """Whether weights are generated from static contexts and collapse after training."""

    embedding_dim: int | None = None
    """Width of a linear embedding that the network puts before a backbone without one."""

    trains_head: bool = False
    """Whether the head's own weights are trained with the adapters of a second stage."""

    def __init__(self, n_channels: int) -> None:
        self.n_channels = n_channels

    @classmethod
    def check_backbone(cls, name: str, *, embeds: bool, embedding_dim: int | None) -> None:
        """Raise if the method has nothing to do on a backbone."""

    def cut(self, horizon: int) -> Segments | None:
        """Cut the horizon into segments with weights of their own, asked before any layer."""
        return None

    def complete(self, network: nn.Module, segments: Segments | None) -> None:
        """Change a network in which every layer is in its place, and has its name."""

    def embedding(self, in_features: int, out_features: int) -> nn.Module:
        """Make the map from a window or patch into the hidden space, (B, C, ..., I) -> (…, O)."""
        return nn.Linear(in_features, out_features)

    def projection(self, in_features: int, out_features: int) -> nn.Module:
        """Make a linear layer inside the encoder, (..., I) -> (..., O)."""
        return nn.Linear(in_features, out_features)

    def head(
        self, in_features: int, out_features: int, *, initialise: Initialiser, bias: bool = True
    ) -> nn.Module:
        """Make the last layer, (B, C, ..., I) -> (B, C, ..., O).

        The maps from covariates to the forecast are made here too.
        """
        layer = nn.Linear(in_features, out_features, bias=bias)
        initialise(layer.weight.data)
        return layer

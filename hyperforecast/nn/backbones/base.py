"""What every backbone is: embed -> encode, followed by a head that the network owns."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from hyperforecast.nn.generators import Initialiser, uniform_fan_in
from hyperforecast.nn.methods.base import Method


class Backbone(nn.Module, ABC):
    """From a window of every channel to the features that a linear head maps to the forecast.

    A backbone makes each linear layer at a site where a method may generate weights by asking
    ``method`` for it: ``method.embedding`` for the map from the window (or a patch of it) into
    the hidden space, ``method.projection`` inside the encoder. The last layer is the network's.

    Parameters
    ----------
    lookback : int
        Window length L.
    n_channels : int
        Number of channels C.
    method : Method
        Maker of the layers at each site.

    Attributes
    ----------
    feature_dim : int
        Number D of features that :meth:`encode` gives for each channel.
    default_instance_norm : str
        The paper's instance normalisation, a key of ``INSTANCE_NORMS``.
    """

    default_instance_norm: ClassVar[str] = "none"
    feature_dim: int

    def __init__(self, lookback: int, n_channels: int, method: Method) -> None:
        super().__init__()
        self.lookback = lookback
        self.n_channels = n_channels

    @abstractmethod
    def embed(self, x: Tensor) -> Tensor:
        """Embed normalised windows (B, C, L)."""

    @abstractmethod
    def encode(self, embedded: Tensor) -> Tensor:
        """Encode what :meth:`embed` returned into features (B, C, D)."""

    def head_initialiser(self) -> Initialiser:
        """Return the ordinary start of the head's weight."""
        return uniform_fan_in(self.feature_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map normalised windows (B, C, L) to features (B, C, D)."""
        return self.encode(self.embed(x))

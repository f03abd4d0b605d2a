"""What every backbone is: embed -> encode, followed by a head that the network owns."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from hyperforecast.nn.generators import Initialiser, uniform_fan_in
from hyperforecast.nn.methods.base import Method


class Backbone(nn.Module, ABC):
    """From a window of every channel to the features that a linear head maps to the forecast.

    A backbone that takes covariates itself is a :class:`CovariateBackbone`.

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
    embeds : bool
        Whether the backbone asks ``method.embedding`` for a layer.
    channel_independent : bool
        Whether features of a channel depend on that channel alone and layers hold for any number
        of channels, so that large batches can be trained on some channels after others.
    """

    default_instance_norm: ClassVar[str] = "none"
    embeds: ClassVar[bool] = True
    channel_independent: ClassVar[bool] = False
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

    def head_of_linear_map(self, weight: Tensor) -> Tensor:
        """Return the head that makes backbone and head the given linear map of the window.

        Parameters
        ----------
        weight : Tensor, shape (..., O, L)

        Returns
        -------
        Tensor, shape (..., O, D)

        Raises
        ------
        TypeError
            If the backbone is not a linear function of the window.
        """
        raise TypeError(f"{type(self).__name__} is not a linear function of the window.")

    def forward(self, x: Tensor) -> Tensor:
        """Map normalised windows (B, C, L) to features (B, C, D)."""
        return self.encode(self.embed(x))


class CovariateBackbone(Backbone):
    """A backbone that takes covariates itself, where for others the network maps them linearly.

    Parameters
    ----------
    lookback, n_channels, method
        See :class:`Backbone`.
    horizon : int
        Number of forecast steps H.
    n_past_covariates : int, default=0
        Number of covariates given over the window.
    n_future_covariates : int, default=0
        Number of covariates given over the horizon. They are the last ones of those given over
        the window, so that each is known without a gap.

    Notes
    -----
    These sizes are the network's to give, and no options of the backbone. Static covariates stay
    with the network's map.
    """

    def __init__(
        self,
        lookback: int,
        n_channels: int,
        method: Method,
        *,
        horizon: int,
        n_past_covariates: int = 0,
        n_future_covariates: int = 0,
    ) -> None:
        super().__init__(lookback, n_channels, method)
        if n_future_covariates > n_past_covariates:
            raise ValueError(
                f"{type(self).__name__} takes a covariate over the window and the horizon as one: "
                f"each covariate known over the horizon must be among those given over the "
                f"window; got n_past_covariates={n_past_covariates} and "
                f"n_future_covariates={n_future_covariates}."
            )
        self.horizon = horizon
        self.n_past_covariates = n_past_covariates
        self.n_future_covariates = n_future_covariates

    @abstractmethod
    def embed(
        self,
        x: Tensor,
        past_covariates: Tensor | None = None,
        future_covariates: Tensor | None = None,
    ) -> Tensor:
        """Embed normalised windows (B, C, L) and covariates (B, L, n_past), (B, H, n_future)."""

    def forward(
        self,
        x: Tensor,
        past_covariates: Tensor | None = None,
        future_covariates: Tensor | None = None,
    ) -> Tensor:
        """Map normalised windows (B, C, L) and their covariates to features (B, C, D)."""
        return self.encode(self.embed(x, past_covariates, future_covariates))

"""What the backbones are: embed -> encode, followed by a head that the network owns."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from hyperforecast.nn.layers.conditioning import Condition, Conditioned


class Backbone(Conditioned, ABC):
    """From a window of every channel to the features that a linear head maps to the forecast.

    A plain module, as in its paper: it knows of no part that may be put into it. A linear layer
    named ``embedding``, if it has one, maps the window, or a patch of it, into the hidden space;
    :class:`~hyperforecast.nn.Activations` mark where hidden activations can be modulated. Where
    the horizon is cut into segments, activations have these on a leading axis, so layers take any
    number of leading axes: (..., C, L).

    A backbone need not derive from this class, see :func:`~hyperforecast.nn.register_backbone`.

    Parameters
    ----------
    lookback : int
        Window length L.
    n_channels : int
        Number of channels C.

    Attributes
    ----------
    feature_dim : int
        Number D of features that :meth:`encode` gives for each channel.
    feature_shape : tuple of int, optional
        What they are where they are several axes, one after the other: their lengths, the last
        patch of a window standing last.
    default_instance_norm : str
        The paper's instance normalisation, a key of ``INSTANCE_NORMS``.
    channel_independent : bool
        Whether features of a channel depend on that channel alone and layers hold for any number
        of channels, so that large batches can be trained on some channels after others.
    separates_channels : bool
        Whether, once trained, features of a channel depend on that channel alone and layers hold
        for any number of channels; what is channel-independent does so as well.
    takes_covariates : bool
        Whether the backbone takes covariates itself, where for others the network maps them
        linearly. It is then made with their numbers, and finds them in the condition of a pass.
    """

    default_instance_norm: ClassVar[str] = "none"
    channel_independent: ClassVar[bool] = False
    separates_channels: ClassVar[bool] = False
    takes_covariates: ClassVar[bool] = False
    feature_dim: int
    feature_shape: tuple[int, ...] | None = None

    def __init__(self, lookback: int, n_channels: int) -> None:
        super().__init__()
        self.lookback = lookback
        self.n_channels = n_channels

    @abstractmethod
    def embed(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        """Embed normalised windows (B, C, L)."""

    @abstractmethod
    def encode(self, embedded: Tensor, condition: Condition | None = None) -> Tensor:
        """Encode what :meth:`embed` returned into features (B, C, D)."""

    def forward(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        """Map normalised windows (B, C, L) to features (B, C, D)."""
        return self.encode(self.embed(x, condition), condition)


class CovariateBackbone(Backbone):
    """A backbone that takes covariates itself.

    Parameters
    ----------
    lookback, n_channels
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

    takes_covariates = True

    def __init__(
        self,
        lookback: int,
        n_channels: int,
        *,
        horizon: int,
        n_past_covariates: int = 0,
        n_future_covariates: int = 0,
    ) -> None:
        super().__init__(lookback, n_channels)
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

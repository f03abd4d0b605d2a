"""How what belongs to channels differs between those that are known: a prior for others."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from hyperforecast.nn.channel_linear import ChannelLinear
from hyperforecast.nn.hyper_linear import HyperLinear
from hyperforecast.nn.network import ForecastingNetwork

CALIBRATION = "channel_offsets."
"""How the names of what is not solved for begin: intervals of a new channel are the mean ones."""

KEPT_VARIANCE = 0.99
"""Part of what channels differ by that the directions make up, the largest first."""


@dataclass(frozen=True)
class ChannelSpread:
    r"""The parameters of a channel as a normal distribution over those of known channels.

    .. math:: \theta_n = \bar\theta + \sum_j b_{nj} d_j, \qquad b_{nj} \sim N(0, 1),

    with the sample mean and, in :math:`D^T D`, the sample covariance of the known channels.

    Attributes
    ----------
    axes : dict of str to int
        Names of the network's parameters that belong to channels, and which axis does.
    mean : dict of str to Tensor
        Of each, without that axis, float64.
    directions : dict of str to Tensor
        Likewise, K of each on the first axis. There are fewer than known channels.
    places : Tensor, shape (C, K)
        Where the known channels lie.
    """

    axes: dict[str, int]
    mean: dict[str, Tensor]
    directions: dict[str, Tensor]
    places: Tensor

    @classmethod
    def of(
        cls,
        network: ForecastingNetwork,
        axes: Mapping[str, int],
        n_known: int,
        about_zero: Collection[str] = (),
    ) -> Self:
        """Return the spread of the first ``n_known`` channels of a network.

        Parameters
        ----------
        network : ForecastingNetwork
        axes : mapping of str to int
            Its :func:`~hyperforecast.nn.resizing.channel_axes`.
        n_known : int
        about_zero : collection of str, default=()
            Names of parameters whose prior mean is zero: what is free beside attributes.
        """
        parameters = dict(network.named_parameters())
        own = {
            name: axis
            for name, axis in axes.items()
            if name in parameters and not name.startswith(CALIBRATION)
        }
        mean, centred = {}, {}
        for name, axis in own.items():
            values = parameters[name].detach().movedim(axis, 0)[:n_known].cpu().double()
            mean[name] = values.mean(dim=0)
            centred[name] = values - mean[name]
            if name in about_zero:
                mean[name] = torch.zeros_like(mean[name])
        places = _main_places(_differing(network, centred, n_known), n_known)
        mixing = places.T / max(1, n_known - 1)  # (K, C)
        directions = {
            name: torch.tensordot(mixing, values, dims=1) for name, values in centred.items()
        }
        return cls(own, mean, directions, places)

    @property
    def bandwidth(self) -> float:
        """Deviation of a channel from the known one that it is like, in whitened units.

        The normal reference rule of kernel density estimates (Silverman, "Density Estimation for
        Statistics and Data Analysis", 1986, section 4.3).
        """
        n_known, k = self.places.shape
        return (4 / (n_known * (k + 2))) ** (1 / (k + 4)) if n_known > 1 else 1.0

    @property
    def centres(self) -> Tensor:
        """Means (C, K) of what channels like each known one are, which together vary by one.

        They are the places drawn to the mean (West, "Approximating posterior distributions by
        mixtures", 1993).
        """
        return self.places * max(0.0, 1 - self.bandwidth**2) ** 0.5

    @property
    def n_directions(self) -> int:
        """Number K of directions in which known channels differ."""
        return next((len(values) for values in self.directions.values()), 0)

    def parameters(self, place: Tensor) -> dict[str, Tensor]:
        """Return the parameters (n, ...) of channels at places b (n, K), differentiable in b."""
        return {
            name: self.mean[name] + torch.tensordot(place, self.directions[name], dims=1)
            for name in self.axes
        }

    def put(self, network: nn.Module, place: Tensor) -> None:
        """Put the parameters of channels into a network of these, no longer as its parameters."""
        like = next(network.parameters())
        for name, values in self.parameters(place).items():
            path, _, last = name.rpartition(".")
            module = network.get_submodule(path)
            module._parameters.pop(last, None)
            setattr(module, last, values.movedim(0, self.axes[name]).to(like))

    @torch.no_grad()
    def write(self, network: nn.Module, channels: Sequence[int], place: Tensor) -> None:
        """Write the parameters of channels at places b (n, K) into a network."""
        held = dict(network.named_parameters())
        for name, values in self.parameters(place).items():
            parameter = held[name].movedim(self.axes[name], 0)
            parameter[list(channels)] = values.to(parameter.dtype).to(parameter.device)


def _differing(
    network: ForecastingNetwork, centred: Mapping[str, Tensor], n_known: int
) -> list[Tensor]:
    """Return what tells how alike known channels are, (C, ...) each, less its mean.

    Their heads, where these are the channels' own: vectors may be no more than numbers of the
    channels. Else all that is theirs.
    """
    head = network.head
    if isinstance(head, HyperLinear) and head.axes == ("channel",):
        heads = head.generate()[0]
    elif isinstance(head, ChannelLinear):
        heads = head.weight
    else:
        return list(centred.values())
    heads = heads.detach()[:n_known].cpu().double()
    return [heads - heads.mean(dim=0)]


def _main_places(centred: Sequence[Tensor], n_known: int) -> Tensor:
    """Return the principal components (C, K) of the known channels, of unit variance."""
    products = torch.zeros(n_known, n_known, dtype=torch.float64)
    for values in centred:
        products += values.flatten(1) @ values.flatten(1).T
    variances, vectors = torch.linalg.eigh(products)
    variances, vectors = variances.flip(0).clamp(min=0), vectors.flip(1)
    before = variances.cumsum(0) - variances
    kept = before < KEPT_VARIANCE * variances.sum()
    return vectors[:, kept] * max(1, n_known - 1) ** 0.5

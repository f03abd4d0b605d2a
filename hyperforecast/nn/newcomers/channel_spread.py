"""How what belongs to channels differs between those that are known: a prior for others."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from hyperforecast.nn.channel_linear import ChannelLinear
from hyperforecast.nn.contexts.attributes import free_parts, with_attributes
from hyperforecast.nn.hyper_layers.hyper_linear import HyperLinear
from hyperforecast.nn.layers.channel_offsets import OFFSETS
from hyperforecast.nn.network import ForecastingNetwork
from hyperforecast.nn.resizing import with_channels

KEPT_VARIANCE = 1 - 1e-10
"""Part of what channels differ by that the directions make up, the largest first."""

MAX_DIRECTIONS = 32
"""Number of directions, however many channels are known."""


@dataclass(frozen=True)
class ChannelSpread:
    r"""The parameters of a channel as steps from where channels begin.

    .. math:: \theta_n = \theta_0 + \sum_j b_{nj} d_j,

    along the principal components of the known channels' differences from there, in units of their
    size: entries of places are of mean square one. They begin in the mean of the known channels,
    or at zero.

    Attributes
    ----------
    axes : dict of str to int
        Names of the network's parameters that belong to channels, and which axis does.
    origin : dict of str to Tensor
        Of each, without that axis, float64.
    directions : dict of str to Tensor
        Likewise, K of each on the first axis. There are no more than known channels.
    places : Tensor, shape (N, K)
        Where the known channels lie.
    """

    axes: dict[str, int]
    origin: dict[str, Tensor]
    directions: dict[str, Tensor]
    places: Tensor

    @classmethod
    def of(
        cls,
        network: ForecastingNetwork,
        axes: Mapping[str, int],
        known: Sequence[int],
        about_zero: Collection[str] = (),
        places: Tensor | None = None,
    ) -> Self:
        """Return the spread of some channels of a network.

        Parameters
        ----------
        network : ForecastingNetwork
        axes : mapping of str to int
            Its :func:`~hyperforecast.nn.resizing.channel_axes`.
        known : sequence of int
            Their numbers N.
        about_zero : collection of str, default=()
            Names of parameters that begin at zero.
        places : Tensor, shape (N, K), optional
            Of the known channels, where they are given: as found before, of the same network.
        """
        parameters = dict(network.named_parameters())
        own = {
            name: axis
            for name, axis in axes.items()
            if name in parameters and not name.startswith(OFFSETS)
        }
        origin, steps = {}, {}
        for name, axis in own.items():
            values = parameters[name].detach().movedim(axis, 0)[list(known)].cpu().double()
            mean = values.mean(dim=0)
            origin[name] = torch.zeros_like(mean) if name in about_zero else mean
            steps[name] = values - origin[name]
        if places is None:
            differing = _differing_heads(network, axes, known, bool(about_zero))
            places = _main_places(differing or list(steps.values()), len(known))
        mixing = places.T / max(1, len(known) - 1)  # (K, N)
        directions = {
            name: torch.tensordot(mixing, values, dims=1) for name, values in steps.items()
        }
        return cls(own, origin, directions, places)

    @property
    def n_directions(self) -> int:
        """Number K of directions in which known channels differ."""
        return next((len(values) for values in self.directions.values()), 0)

    def parameters(self, place: Tensor) -> dict[str, Tensor]:
        """Return the parameters (n, ...) of channels at places b (n, K), differentiable in b."""
        return {
            name: self.origin[name] + torch.tensordot(place, self.directions[name], dims=1)
            for name in self.axes
        }

    def put(self, network: ForecastingNetwork, place: Tensor) -> None:
        """Put the parameters of channels into a network of these, no longer as its parameters."""
        like = network.gap_filler.level  # there may be no parameters left
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


def _differing_heads(
    network: ForecastingNetwork, axes: Mapping[str, int], known: Sequence[int], from_zero: bool
) -> list[Tensor] | None:
    """Return by what heads of known channels differ from their mean, or from that of no vector.

    Vectors may be no more than numbers of the channels, which tell nothing of how alike they are.
    ``None`` where heads are not the channels' own.
    """
    heads = _heads(network)
    if heads is None:
        return None
    heads = heads[list(known)]
    if not from_zero or with_attributes(network):  # attributes say heads that differ themselves
        return [heads - heads.mean(dim=0)]
    without = with_channels(network, axes, [None])
    with torch.no_grad():
        for name in free_parts(without):
            without.get_parameter(name).zero_()
    shared = _heads(without)
    assert shared is not None
    return [heads - shared]


@torch.no_grad()
def _heads(network: ForecastingNetwork) -> Tensor | None:
    """Return the heads (C, ...) of a network's channels, if each has its own."""
    head = network.head
    if isinstance(head, HyperLinear) and head.axes == ("channel",):
        heads = head.generate()[0]
    elif isinstance(head, ChannelLinear):
        heads = head.weight
    else:
        return None
    return heads.detach().cpu().double()


def _main_places(differing: Sequence[Tensor], n_known: int) -> Tensor:
    """Return the principal components (N, K) of the known channels, of mean square one."""
    products = torch.zeros(n_known, n_known, dtype=torch.float64)
    for values in differing:
        products += values.flatten(1) @ values.flatten(1).T
    variances, vectors = torch.linalg.eigh(products)
    variances, vectors = variances.flip(0).clamp(min=0), vectors.flip(1)
    before = variances.cumsum(0) - variances
    kept = before < KEPT_VARIANCE * variances.sum()
    return vectors[:, kept][:, :MAX_DIRECTIONS] * max(1, n_known - 1) ** 0.5

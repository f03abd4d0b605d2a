"""The layers of a network that give the forecast, as one linear map of all that they are given."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from hyperforecast.nn.exact import BasisWeights, Regressors
from hyperforecast.nn.network import ForecastingNetwork
from hyperforecast.nn.parts.closed_form import ClosedForm

ChannelWeights = Literal["shared", "generated", "individual"]

REGRESSOR_LAYERS = ("head", "past_covariate_map", "factor_map", "static_covariate_map")
"""Those that map to all steps at once, in the order of the regressors."""


@dataclass(frozen=True)
class HeadRegressors(Regressors):
    """Regressors of a head: features in the place of lags.

    Parameters
    ----------
    n_past_covariates : int
        Number of past covariates, whose lags are ``n_past`` together.
    """

    n_past_covariates: int = 0

    def penalty_groups(self) -> Tensor:
        """Number the groups of the ridge: features, each past covariate, factors, each static."""
        past = torch.arange(self.n_past) % max(1, self.n_past_covariates)
        n_past = 1 + self.n_past_covariates
        return torch.cat(
            [
                torch.zeros(self.n_own),
                1 + past,
                torch.full((self.n_factors,), n_past),
                n_past + 1 + torch.arange(self.n_static),
            ]
        ).long()


class OutputLayers:
    """Those layers that give the forecast and whose weights are solved for together.

    All layers that have a weight for each channel where the head has, or one for all where it has
    that; others are held still.

    Parameters
    ----------
    network : ForecastingNetwork

    Attributes
    ----------
    channel_weights : {"shared", "generated", "individual"}
        What of the weights is solved for: what all channels share, with what else generates them
        held still; what generates them from vectors; or those of single channels.
    regressors : HeadRegressors
    """

    def __init__(self, network: ForecastingNetwork) -> None:
        self.network = network
        individual = _weight(network.head).dim() == 3
        self._layers: dict[str, nn.Module] = {
            name: layer
            for name in (*REGRESSOR_LAYERS, "future_covariate_map")
            if (layer := getattr(network, name)) is not None
            and (_weight(layer).dim() == 3) == individual
        }
        self._part, self._closed_form = _generating(network)
        self.channel_weights: ChannelWeights = "individual" if individual else "shared"
        if self._closed_form is not None:
            self.channel_weights = "generated"
        n_past = self._n_inputs("past_covariate_map")
        self.regressors = HeadRegressors(
            n_own=self._n_inputs("head"),
            n_past=n_past,
            n_factors=self._n_inputs("factor_map"),
            n_static=self._n_inputs("static_covariate_map"),
            n_past_covariates=n_past // network.lookback,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the layers."""
        return tuple(self._layers)

    @property
    def n_future(self) -> int:
        """Number of future covariates that are mapped."""
        return self._n_inputs("future_covariate_map")

    @property
    def n_steps(self) -> int:
        """Number of steps H that are mapped to, of a segment where the horizon is cut."""
        return _weight(self.network.head).shape[-2]

    @property
    def part(self) -> str:
        """Name of the part that generates the weights."""
        assert self._part is not None
        return self._part

    def chosen(self, embedding_dim: int) -> dict[str, Any]:
        """Return the options of the part that say how long the vectors are."""
        assert self._closed_form is not None
        return self._closed_form.chosen(embedding_dim)

    @torch.no_grad()
    def generated(self) -> tuple[Tensor, BasisWeights]:
        """Return vectors (C, E) and the 1 + E weights that are mixed, in float64.

        They are copies on the CPU: other devices may not know that precision.
        """
        assert self._closed_form is not None
        read = {n: self._closed_form.read(layer) for n, layer in self._layers.items()}
        embedding, _, bias = read["head"]
        assert bias is not None
        groups = [read[name][1] for name in REGRESSOR_LAYERS if name in read]
        future = bias.new_zeros(len(bias), 0)
        if "future_covariate_map" in read:
            future = read["future_covariate_map"][1][:, 0]
        weight = torch.cat([*groups, bias[..., None]], dim=-1)
        embedding, weight, future = (
            values.detach().cpu().to(torch.float64, copy=True)
            for values in (embedding, weight, future)
        )
        return embedding, BasisWeights(weight, future)

    @torch.no_grad()
    def write(self, embedding: Tensor, weights: BasisWeights) -> None:
        """Write vectors and the weights that are mixed."""
        assert self._closed_form is not None
        for name, weight, bias in self._by_layer(weights):
            self._closed_form.write(self._layers[name], embedding, weight, bias)

    @torch.no_grad()
    def change(self, change: BasisWeights) -> None:
        """Add to the weights: of one that all share (1, H, p), or of each channel (C, H, p)."""
        for name, weight, bias in self._by_layer(change):
            layer: Any = self._layers[name]
            layer.weight += _like(weight, layer.weight)
            if bias is not None:
                layer.bias += _like(bias, layer.bias)

    def _by_layer(self, weights: BasisWeights) -> Iterator[tuple[str, Tensor, Tensor | None]]:
        groups = self.regressors.split(weights.weight)
        by_name = dict(
            zip(
                REGRESSOR_LAYERS,
                (groups.own, groups.past, groups.factors, groups.static),
                strict=True,
            )
        )
        for name in self._layers:
            if name == "future_covariate_map":
                yield name, weights.future[:, None], None
            else:
                bias = groups.constant.squeeze(-1) if name == "head" else None
                yield name, by_name[name], bias

    def _n_inputs(self, name: str) -> int:
        layer = self._layers.get(name)
        return 0 if layer is None else _weight(layer).shape[-1]


def _like(change: Tensor, parameter: Tensor) -> Tensor:
    # in this order: the parameter's device may not know the precision of the change
    return change.view_as(parameter).to(parameter.dtype).to(parameter.device)


def _weight(layer: nn.Module) -> Tensor:
    weight = layer.weight
    assert isinstance(weight, Tensor)
    return weight


def _generating(network: ForecastingNetwork) -> tuple[str | None, ClosedForm | None]:
    """Return the part that generates the head by a linear map, and how that is solved for."""
    for name, part in network.parts.items():
        if part.slot == "head" and part.obstacle() is None:
            closed_form = part.closed_form(name)
            if closed_form.channel_weights == "generated":
                return name, closed_form
    return None, None

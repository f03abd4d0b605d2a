"""One head for each channel."""

import torch
from torch import Tensor, nn

from hyperforecast.nn.channel_linear import ChannelLinear
from hyperforecast.nn.parts.base import Part
from hyperforecast.nn.parts.closed_form import ClosedForm
from hyperforecast.nn.sites import NetworkSites


class Individual(Part):
    """The last layer has free weights for every channel, and nothing shared.

    As "individual" means in DLinear and PatchTST. The maps of covariates and factors to the
    forecast are the channels' own, too. Every channel starts at the shared layer.
    """

    slot = "head"

    def put_into(self, sites: NetworkSites, name: str) -> None:
        """Replace the last layers by those of single channels."""
        for site in sites.outputs:
            shared = sites.layer(site)
            assert isinstance(shared, nn.Linear)
            layer = ChannelLinear(
                sites.n_channels,
                shared.in_features,
                shared.out_features,
                bias=shared.bias is not None,
                n_axes=site.n_axes,
            )
            with torch.no_grad():
                layer.weight.copy_(shared.weight)
                if shared.bias is not None:
                    assert layer.bias is not None
                    layer.bias.copy_(shared.bias)
            sites.replace(site, layer)

    def obstacle(self) -> None:
        """Nothing rules the closed form out."""

    def closed_form(self, name: str) -> ClosedForm:
        """Return how heads of single channels are solved for."""
        return OwnWeights()


class OwnWeights(ClosedForm):
    """Layers of single channels."""

    channel_weights = "individual"

    def write(
        self, layer: nn.Module, embedding: Tensor, weight: Tensor, bias: Tensor | None
    ) -> None:
        """Write each channel's weights: the first one, and that which its vector picks."""
        assert isinstance(layer, ChannelLinear)
        layer.weight.copy_(weight[:1] + weight[1:])
        if bias is not None and layer.bias is not None:
            layer.bias.copy_(bias[:1] + bias[1:])

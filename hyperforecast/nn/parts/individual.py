"""One head for each channel."""

import torch
from torch import nn

from hyperforecast.nn.channel_linear import ChannelLinear
from hyperforecast.nn.parts.base import Part
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
            )
            with torch.no_grad():
                layer.weight.copy_(shared.weight)
                if shared.bias is not None:
                    assert layer.bias is not None
                    layer.bias.copy_(shared.bias)
            sites.replace(site, layer)

"""Networks for more channels than they were made for."""

import torch

from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.resizing import channel_axes, with_channels


def test_a_channel_that_hardly_moves_is_not_all_that_counts_in_usual_intervals() -> None:
    arguments = {
        "lookback": 6,
        "horizon": 2,
        "n_channels": 3,
        "backbone": "nlinear",
        "parts": {},
        "output_roles": ["location", "location"],
        "channel_offsets": True,
    }
    network = ForecastingNetwork(**arguments)
    shape = torch.tensor([[-1.0, 1.0], [-2.0, 2.0]])
    sizes = torch.tensor([1.0, 4.0, 1e6])
    offsets = network.channel_offsets
    assert offsets is not None
    offsets.offsets.data.copy_(sizes[:, None, None] * shape)
    larger = with_channels(network, channel_axes(arguments), [0, 1, 2, None], 2)
    assert larger.channel_offsets is not None
    torch.testing.assert_close(larger.channel_offsets.offsets[:3], offsets.offsets)
    torch.testing.assert_close(larger.channel_offsets.offsets[3], 2.0 * shape)  # (1 · 4) ** (1 / 2)
    larger = with_channels(network, channel_axes(arguments), [0, 1, 2, None], 3)
    torch.testing.assert_close(larger.channel_offsets.offsets[3], 4e6 ** (1 / 3) * shape)

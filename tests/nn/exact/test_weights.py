"""Weights of channels, mixed by a loop."""

import torch

from hyperforecast.nn.exact import BasisWeights


def test_weights_of_channels_are_mixtures_of_the_bases() -> None:
    weights = BasisWeights(torch.randn(3, 2, 5).double(), torch.randn(3, 4).double())
    mixing = torch.randn(6, 3).double()
    weight, future = weights.of_channels(mixing)
    assert weight.shape == (6, 2, 5)
    for n in range(6):
        expected = sum(mixing[n, k] * weights.weight[k] for k in range(3))
        torch.testing.assert_close(weight[n], expected)
        expected = sum(mixing[n, k] * weights.future[k] for k in range(3))
        torch.testing.assert_close(future[n], expected)

"""Weights of channels, mixed by a loop."""

import pytest
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


@pytest.mark.parametrize("rows", [[0, 1, 2], [1, 2], [2], [2, 1], [1, 1]])
def test_weights_of_their_own_are_picked(rows: list[int]) -> None:
    weights = BasisWeights(torch.randn(3, 2, 5).double(), torch.randn(3, 4).double())
    weight, future = weights.of_channels(torch.eye(3).double()[rows])
    torch.testing.assert_close(weight, weights.weight[rows])
    torch.testing.assert_close(future, weights.future[rows])


def test_one_weight_for_all_is_not_taken_for_weights_of_their_own() -> None:
    weights = BasisWeights(torch.randn(1, 2, 5).double(), torch.randn(1, 4).double())
    weight, _ = weights.of_channels(torch.ones(3, 1).double())
    torch.testing.assert_close(weight, weights.weight.expand(3, -1, -1))

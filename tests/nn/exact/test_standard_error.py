"""The standard error of a gain, against hand-made values."""

import pytest
import torch

from hyperforecast.nn.exact.standard_error import exceeds_standard_error


@pytest.mark.parametrize(("shift", "clear"), [(1.01, True), (0.99, False)])
def test_over_blocks_of_time(shift: float, clear: bool) -> None:
    # four blocks of two windows: means -1, 1, -1, 1 with deviation sqrt(4/3), error sqrt(1/3)
    gains = torch.tensor([[-1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0, 1.0]])
    assert exceeds_standard_error(gains + shift * (1 / 3) ** 0.5, n_apart=100) == clear


@pytest.mark.parametrize(("shift", "clear"), [(1.01, True), (0.99, False)])
def test_over_channels(shift: float, clear: bool) -> None:
    # one window: six channels -1 and 1 with deviation sqrt(6/5), error sqrt(1/5)
    gains = torch.tensor([[-1.0], [1.0], [-1.0], [1.0], [-1.0], [1.0]])
    assert exceeds_standard_error(gains + shift * (1 / 5) ** 0.5, n_apart=100) == clear


def test_few_channels_in_one_window_tell_nothing() -> None:
    assert not exceeds_standard_error(torch.full((5, 1), 9.0), n_apart=100)


def test_blocks_are_no_shorter_than_the_horizon() -> None:
    gains = torch.tensor([[0.0, 4.0, 0.0, 4.0, 0.0, 4.0, 0.0, 4.0]]) + torch.tensor(
        [[-3.0, -3.0, -3.0, -3.0, 1.0, 1.0, 1.0, 1.0]]
    )
    # four blocks: -1, -1, 3, 3, mean 1, error sqrt(16/3/4) > 1; two: -1 and 3, error 2 > 1
    assert not exceeds_standard_error(gains, n_apart=100)
    assert not exceeds_standard_error(gains, n_apart=2)
    alternating = torch.tensor([[-2.0, 3.0, 3.0, -2.0] * 4])
    # eight blocks of two windows and two of eight have the same means, 0.5
    assert exceeds_standard_error(alternating, n_apart=100)
    uneven = torch.tensor([[-2.0, -2.0, 3.0, 3.0] * 4])
    # eight blocks differ by 5, their error 0.94 is above the mean of 0.5; two are alike
    assert not exceeds_standard_error(uneven, n_apart=100)
    assert exceeds_standard_error(uneven, n_apart=0)

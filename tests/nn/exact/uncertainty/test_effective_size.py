"""Numbers of independent residuals."""

import pytest
import torch
from made_series import noise

from hyperforecast.nn.exact.uncertainty.effective_size import EffectiveSize


def test_neighbouring_windows_count_by_the_steps_ahead() -> None:
    size = EffectiveSize.of(noise(1, 200, 3), [101, 51], shift=1)
    expected = [2 + 150 / ahead for ahead in (2, 3, 4)]
    torch.testing.assert_close(size.of_steps, torch.tensor(expected, dtype=torch.float64))


def test_no_more_count_than_there_are() -> None:
    assert EffectiveSize.of(noise(1, 50, 1), [1000], shift=0).of_steps.item() == 50


def test_independent_steps_and_channels_all_count() -> None:
    size = EffectiveSize.of(noise(5, 4000, 4), [4000], shift=0)
    assert size.of_channel == pytest.approx(4 * 1000.75, rel=0.02)
    assert size.of_all == pytest.approx(5 * size.of_channel, rel=0.02)
    assert size.of_windows == pytest.approx(5 * 1000.75, rel=0.02)


def test_what_is_the_same_counts_once() -> None:
    size = EffectiveSize.of(noise(1, 4000, 1).expand(5, -1, 4), [4000], shift=0)
    assert size.of_channel == pytest.approx(1000.75, rel=1e-3)
    assert size.of_all == pytest.approx(1000.75, rel=2e-3)


def test_a_scale_has_no_more_than_a_shock_for_each_row() -> None:
    size = EffectiveSize.of(noise(1, 13, 12), [13], shift=0)
    assert size.of_scale == 13 + 12 - 1


def test_zero_residuals_count() -> None:
    size = EffectiveSize.of(torch.zeros(2, 30, 3), [30], shift=0)
    assert size.of_all == size.of_channel == size.of_steps[-1]

"""Numbers of independent residuals of channels that each have their own windows."""

import pytest
import torch
from made_series import noise

from hyperforecast.nn.exact.intervals.own_effective_size import OwnEffectiveSize
from hyperforecast.nn.exact.intervals.own_out_of_sample import OwnOutOfSample


def sample_of(residuals: torch.Tensor, begins: list[int], counts: list[int]) -> OwnOutOfSample:
    """Residuals (C, K, H) of one stretch each, whose windows begin a horizon after each other."""
    n_channels, most, horizon = residuals.shape
    known = torch.arange(most) < torch.tensor(counts)[:, None]
    times = torch.tensor(begins)[:, None] + horizon * torch.arange(most)
    known = known[..., None].expand(residuals.shape)
    return OwnOutOfSample(
        residuals * known,
        residuals.new_zeros(n_channels, most, 0),
        known,
        times,
        (),
        torch.arange(n_channels),
        torch.tensor(counts),
    )


def size_of(sample: OwnOutOfSample, shift: int = 0) -> OwnEffectiveSize:
    return OwnEffectiveSize.of(sample, sample.residuals, shift)


def test_each_channel_counts_its_own_windows() -> None:
    size = size_of(sample_of(noise(3, 200, 2), [0, 5, 9], [200, 61, 0]), shift=1)
    expected = [[1 + 199 / 2, 1 + 199 / 3], [1 + 60 / 2, 1 + 60 / 3], [0.0, 0.0]]
    torch.testing.assert_close(size.of_steps, torch.tensor(expected, dtype=torch.float64))


def test_stretches_of_a_channel_add_up() -> None:
    sample = sample_of(noise(2, 100, 1), [0, 0], [100, 100])
    sample = OwnOutOfSample(
        *(getattr(sample, name) for name in ("residuals", "variances", "known", "times", "spans")),
        torch.tensor([0, 1, 0]),
        torch.tensor([30, 100, 60]),
    )
    assert size_of(sample, shift=1).of_steps[:, 0].tolist() == [1 + 29 / 2 + 1 + 59 / 2, 1 + 99 / 2]


def test_independent_channels_all_count() -> None:
    size = size_of(sample_of(noise(20, 300, 2), [7 * n for n in range(20)], [300] * 20))
    assert size.of_windows == pytest.approx(20 * (1 + 299 / 2), rel=0.05)
    assert size.of_all == pytest.approx(2 * size.of_windows, rel=0.05)


def test_channels_that_err_together_count_once() -> None:
    """Whatever rows each of them has of what is common: 370 in all."""
    common = noise(1, 500, 1)
    begins, counts = [20 * n for n in range(12)], [260 - 10 * n for n in range(12)]
    residuals = torch.cat([common[:, b : b + 260] for b in begins])
    size = size_of(sample_of(residuals, begins, counts))
    assert sum(counts) == 2460
    assert size.of_windows == pytest.approx(370, rel=0.05)


def test_channels_without_a_common_time_all_count() -> None:
    common = noise(1, 50, 1).expand(10, -1, -1)
    size = size_of(sample_of(common, [100 * n for n in range(10)], [50] * 10))
    assert size.of_windows == pytest.approx(500)

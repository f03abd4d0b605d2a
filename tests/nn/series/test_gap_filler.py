"""Gaps are filled by conditional means, and by nothing else."""

import math

import pytest
import torch
from torch import Tensor

from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.series.gap_filler import (
    LEAST_UNIQUE,
    GapFiller,
    _channel_precision,
    _step_precision,
    has_gaps,
)

NAN = float("nan")


def series(n_rows: int = 600, n_channels: int = 3) -> Tensor:
    """Return a daily cycle and a random walk that all share, with noise of their own."""
    generator = torch.Generator().manual_seed(0)

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    cycle = torch.sin(2 * torch.pi * torch.arange(n_rows) / 12)
    common = cycle[:, None] + 0.1 * noise(n_rows, 1).cumsum(dim=0)
    return 5.0 + common * torch.arange(1, n_channels + 1) + 0.1 * noise(n_rows, n_channels)


def with_gaps(values: Tensor, share: float = 0.2) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return values.masked_fill(torch.rand(values.shape, generator=generator) < share, NAN)


def started(values: Tensor, lookback: int = 24) -> GapFiller:
    filler = GapFiller(values.shape[1], lookback).double()
    filler.start_from([values])
    return filler


class TestBeforeItLearns:
    """Under a variogram that grows with distance, gaps are filled by straight lines."""

    def test_straight_lines_inside_and_the_nearest_values_at_the_ends(self) -> None:
        x = torch.tensor([[[NAN, 1.0, NAN, NAN, 4.0, 2.0, NAN, NAN]]])
        expected = torch.tensor([[[1.0, 1.0, 2.0, 3.0, 4.0, 2.0, 2.0, 2.0]]])
        torch.testing.assert_close(GapFiller(1, 8)(x), expected, rtol=1e-4, atol=1e-4)

    def test_one_value_stands_for_all(self) -> None:
        x = torch.tensor([[[NAN, NAN, 7.0, NAN]]])
        torch.testing.assert_close(GapFiller(1, 4)(x), torch.full((1, 1, 4), 7.0))

    def test_without_any_value_stands_the_level(self) -> None:
        filler = GapFiller(2, 4)
        filler.level.copy_(torch.tensor([3.0, -1.0]))
        x = torch.tensor([[[NAN] * 4, [1.0, 2.0, NAN, 4.0]]])
        torch.testing.assert_close(filler(x)[0, 0], torch.full((4,), 3.0))

    def test_a_lookback_of_one(self) -> None:
        x = torch.tensor([[[NAN], [2.0]]])
        assert GapFiller(2, 1)(x).tolist() == [[[0.0], [2.0]]]


class TestConditionalMean:
    def test_is_that_of_a_normal_distribution(self) -> None:
        """By the textbook's formula, with a level of such variance that nothing is known of it."""
        filler = started(series(), 10)
        steps = _step_precision(filler.variogram[:10])
        channels = _channel_precision(filler.loadings)
        x = with_gaps(series()[:10], 0.4).T  # (C, L)
        assert x.isnan().any(dim=1).all()
        unknown_levels = 1e7 * torch.ones(10, 10, dtype=torch.float64)
        of_steps = torch.linalg.pinv(steps, rtol=1e-10) + unknown_levels
        covariance = torch.kron(torch.linalg.inv(channels).contiguous(), of_steps.contiguous())
        unit = filler.deviation[:, None].expand(3, 10).flatten()
        gaps = x.flatten().isnan()
        z = ((x - filler.level[:, None]).flatten() / unit)[~gaps]
        mean = covariance[gaps][:, ~gaps] @ torch.linalg.solve(covariance[~gaps][:, ~gaps], z)
        expected = mean * unit[gaps] + filler.level[:, None].expand(3, 10).flatten()[gaps]
        found = filler(x[None])[0].flatten()[gaps]
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)

    def test_values_that_are_there_stay(self) -> None:
        x = with_gaps(series()[:24]).T[None]
        filled = started(series())(x)
        assert filled.isfinite().all()
        assert torch.equal(filled[~x.isnan()], x[~x.isnan()])

    def test_windows_without_gaps_are_the_ones_given(self) -> None:
        x = series()[:24].T[None]
        assert started(series())(x) is x

    def test_a_window_is_filled_by_itself(self) -> None:
        filler = started(series())
        x = with_gaps(series()).unfold(0, 24, 1)[::50]
        together = filler(x)
        for number, one in enumerate(x):
            torch.testing.assert_close(filler(one[None])[0], together[number])

    def test_follows_units_and_levels(self) -> None:
        x = with_gaps(series())
        scale, level = torch.tensor([2.0, 1e3, 1e-3]), torch.tensor([0.0, 1e4, -7.0])
        other = started(x * scale + level)
        expected = started(x)(x[:24].T[None]) * scale[:, None] + level[:, None]
        found = other((x * scale + level)[:24].T[None])
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)

    def test_follows_the_order_of_channels(self) -> None:
        x = with_gaps(series())
        order = [2, 0, 1]
        expected = started(x)(x[:24].T[None])[:, order]
        torch.testing.assert_close(started(x[:, order])(x[:24, order].T[None]), expected)

    @pytest.mark.parametrize("share", [0.1, 0.5])
    def test_is_nearer_to_what_is_missing_than_straight_lines(self, share: float) -> None:
        truth = series()
        x = with_gaps(truth, share)
        gaps = x.isnan()
        error, of_lines = (
            (filler.fill_series(x) - truth)[gaps].square().mean()
            for filler in (started(x), GapFiller(3, 24).double())
        )
        assert error < 0.5 * of_lines

    def test_a_channel_without_any_value_follows_the_others(self) -> None:
        x = series()[:24].T.clone()
        truth = x[2].clone()
        x[2] = NAN
        filled = started(series())(x[None])[0, 2]
        assert (filled - truth).square().mean() < 0.2 * (truth - 5.0).square().mean()


class TestLearning:
    def test_gaps_leave_nearly_the_same(self) -> None:
        whole, holey = started(series()), started(with_gaps(series()))
        torch.testing.assert_close(holey.variogram, whole.variogram, rtol=0.1, atol=0.02)
        torch.testing.assert_close(holey.level, whole.level, rtol=0.1, atol=0.1)
        torch.testing.assert_close(holey.deviation, whole.deviation, rtol=0.1, atol=0.1)
        assert holey.seen
        assert not whole.seen

    def test_the_variogram_is_that_of_a_loop(self) -> None:
        x = with_gaps(series(60, 2))
        filler = started(x, 5)
        half = torch.zeros(10, 2, dtype=torch.float64)
        pairs = torch.zeros_like(half)
        for channel in range(2):
            for lag in range(1, 10):
                differences = x[lag:, channel] - x[: len(x) - lag, channel]
                known = differences[~differences.isnan()]
                half[lag, channel] = known.square().mean() / 2
                pairs[lag, channel] = len(known)
        unit = half[1:].mean(dim=0)
        expected = (half / unit * pairs).sum(dim=1) / pairs.sum(dim=1).clamp(min=1)
        torch.testing.assert_close(filler.variogram, expected, rtol=1e-8, atol=1e-8)

    def test_of_constant_and_of_absent_channels_is_finite(self) -> None:
        x = series()[:40]
        x[:, 0] = 2.0
        x[:, 1] = NAN
        filled = started(x).fill_series(with_gaps(x))
        assert filled.isfinite().all()
        torch.testing.assert_close(filled[:, 0], torch.full((40,), 2.0, dtype=torch.float64))

    def test_fill_series_by_pieces_that_overlap(self) -> None:
        x = with_gaps(series(101))
        x[40:95, 0] = NAN  # so that a channel has no value in one of the pieces
        filler = started(x, lookback=12)  # of 24 rows, each 8 rows later than the one before
        expected = x.clone()
        for first in [*range(0, 77, 8), 77]:
            piece = filler(x[first : first + 24].T[None])[0].T
            begin = 8 if first else 0
            expected[first + begin : first + 24] = piece[begin:]
        torch.testing.assert_close(filler.fill_series(x), expected, rtol=0.0, atol=1e-12)

    def test_of_series_shorter_than_two_windows(self) -> None:
        x = with_gaps(series(30))
        assert started(x).fill_series(x).isfinite().all()

    def test_channels_keep_some_variance_of_their_own(self) -> None:
        covariance = torch.linalg.inv(_channel_precision(torch.ones(2, 1, dtype=torch.float64)))
        expected = torch.tensor([[1.0, 1 - LEAST_UNIQUE], [1 - LEAST_UNIQUE, 1.0]])
        torch.testing.assert_close(covariance, expected.double())


class TestFiles:
    def test_of_before_gaps_were_filled_load(self) -> None:
        network = ForecastingNetwork(lookback=6, horizon=2, n_channels=2)
        old = {k: v for k, v in network.state_dict().items() if "gap_filler" not in k}
        network.load_state_dict(old)

    def test_hold_what_was_learned(self) -> None:
        filler, other = started(series()), GapFiller(3, 24).double()
        x = with_gaps(series()[:24]).T[None]
        other(x)  # makes its matrices
        other.load_state_dict(filler.state_dict())
        assert torch.equal(other(x), filler(x))

    def test_of_other_channels(self) -> None:
        filler, other = started(series()), started(series(n_channels=2)[:100])
        other.take_over(filler, [2, None])
        assert other.level.tolist() == [filler.level[2].item(), other.level[1].item()]
        assert not other.loadings[1].any()
        assert torch.equal(other.variogram, filler.variogram)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[1.0, -2.0], [3.0, 0.0]], False),
        ([[1.0, math.nan], [3.0, 0.0]], True),
        ([[math.inf, 1.0], [-math.inf, 0.0]], False),  # whose sum is NaN
        ([[math.inf, math.nan], [3.0, 0.0]], True),
        ([[3e38, 3e38], [3e38, -3e38]], False),  # whose sum is none in float32
    ],
)
def test_gaps_are_what_is_nan(values: list[list[float]], expected: bool) -> None:
    assert has_gaps(torch.tensor(values)) == expected

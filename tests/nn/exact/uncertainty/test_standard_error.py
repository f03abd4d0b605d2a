"""The standard error of a gain, against hand-made values."""

import pytest
import torch
from torch import Tensor

from hyperforecast.nn.exact.uncertainty.standard_error import (
    exceeds_error_over_time,
    exceeds_standard_error,
)

ABOVE_AND_BELOW = pytest.mark.parametrize(("shift", "clear"), [(1.01, True), (0.99, False)])


def exceeds(
    gains: Tensor, n_apart: int = 100, times: Tensor | None = None, series: Tensor | None = None
) -> bool:
    """Ask for gains (C, T): of one series, window by window, if nothing else is said."""
    n_windows = gains.shape[1]
    if times is None:
        times = torch.arange(n_windows)
    if series is None:
        series = torch.zeros(n_windows, dtype=torch.int64)
    return exceeds_standard_error(gains, times, series, n_apart)


class TestBlocksOfTime:
    @ABOVE_AND_BELOW
    def test_gain_is_compared_with_the_standard_error(self, shift: float, clear: bool) -> None:
        # four blocks of two windows: means -1, 1, -1, 1 with deviation sqrt(4/3), error sqrt(1/3)
        gains = torch.tensor([[-1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0, 1.0]])
        assert exceeds(gains + shift * (1 / 3) ** 0.5) == clear

    @ABOVE_AND_BELOW
    @pytest.mark.parametrize(
        ("n_windows", "n_apart", "n_blocks"),
        [
            (48, 100, 8),  # no more than eight
            (48, 8, 8),
            (48, 4, 4),  # no shorter than the horizon
            (48, 1, 2),  # where that leaves two
            (48, 0, 2),
            (12, 100, 6),  # of two windows each
            (4, 100, 2),
        ],
    )
    def test_number_of_blocks(
        self, n_windows: int, n_apart: int, n_blocks: int, shift: float, clear: bool
    ) -> None:
        """Means -1 and 1 in turns: their error is that of the expected number of blocks only."""
        means = torch.tensor([-1.0, 1.0] * (n_blocks // 2))
        gains = means.repeat_interleave(n_windows // n_blocks)[None]
        error = (1 / (n_blocks - 1)) ** 0.5  # of n values -1 and 1: sqrt(n / (n - 1)) / sqrt(n)
        assert exceeds(gains + shift * error, n_apart) == clear

    def test_three_windows_are_one_block_and_tell_nothing(self) -> None:
        assert not exceeds(torch.full((5, 3), 9.0))
        assert exceeds(torch.full((5, 4), 9.0))

    def test_no_gain_is_not_clear_where_nothing_varies(self) -> None:
        assert not exceeds(torch.zeros(8, 16))


class TestChannels:
    @ABOVE_AND_BELOW
    def test_gain_is_compared_with_the_standard_error(self, shift: float, clear: bool) -> None:
        # one window: six channels -1 and 1 with deviation sqrt(6/5), error sqrt(1/5)
        gains = torch.tensor([[-1.0], [1.0], [-1.0], [1.0], [-1.0], [1.0]])
        assert exceeds(gains + shift * (1 / 5) ** 0.5) == clear

    def test_six_count_and_five_do_not(self) -> None:
        assert not exceeds(torch.full((5, 1), 9.0))
        assert exceeds(torch.full((6, 1), 9.0))

    def test_of_several_series_count_apart(self) -> None:
        gains = torch.full((2, 3), 9.0)  # two channels of three series, a window each
        assert exceeds(gains, times=torch.zeros(3).long(), series=torch.tensor([0, 1, 2]))
        assert not exceeds(gains, times=torch.zeros(3).long(), series=torch.tensor([0, 1, 1]))

    @ABOVE_AND_BELOW
    def test_of_several_series_have_means_of_their_own(self, shift: float, clear: bool) -> None:
        # means -1 and 1 of three series of two channels, whatever their windows
        means = torch.tensor([[-1.0, 1.0, -1.0], [1.0, -1.0, 1.0]])
        series = torch.tensor([0, 0, 1, 1, 2, 2])
        gains = means[:, series] + torch.tensor([-7.0, 7.0, 7.0, -7.0, -7.0, 7.0])
        found = exceeds(gains + shift * (1 / 5) ** 0.5, times=torch.zeros(6).long(), series=series)
        assert found == clear


class TestEither:
    """Six channels in sixteen windows, a gain of one."""

    pattern = 20.0 * torch.tensor([-1.0, 1.0])

    def test_channels_suffice_where_blocks_differ(self) -> None:
        assert exceeds(torch.ones(6, 16) + self.pattern.repeat_interleave(2).repeat(4))

    def test_blocks_suffice_where_channels_differ(self) -> None:
        assert exceeds(torch.ones(6, 16) + self.pattern.repeat(3)[:, None])

    def test_one_of_them_has_to(self) -> None:
        in_time = self.pattern.repeat_interleave(2).repeat(4)
        assert not exceeds(torch.ones(6, 16) + in_time + self.pattern.repeat(3)[:, None])


class TestSeveralSeries:
    """A block is a time: windows of all series that begin in it, in whatever order they come."""

    @ABOVE_AND_BELOW
    def test_blocks_pool_the_series(self, shift: float, clear: bool) -> None:
        # two series over the same eight windows: 5 and -7, 7 and -5, ... are -1, 1, -1, 1
        means = torch.tensor([-1.0, 1.0, -1.0, 1.0]).repeat_interleave(2)
        gains = torch.cat([means + 6.0, means - 6.0])[None] + shift * (1 / 3) ** 0.5
        times = torch.arange(8).repeat(2)
        assert exceeds(gains, times=times, series=torch.arange(2).repeat_interleave(8)) == clear
        order = torch.randperm(16)
        shuffled = exceeds(gains[:, order], times=times[order], series=(order >= 8).long())
        assert shuffled == clear

    @ABOVE_AND_BELOW
    def test_a_series_that_begins_later_counts_where_it_lies(
        self, shift: float, clear: bool
    ) -> None:
        # blocks of times 0-1, 2-3, 4-5, 6-7; the second series spans the last two only
        gains = torch.tensor([[-1.0, -1, 1, 1, -4, -4, 4, 4, 2, 2, -2, -2]])
        times = torch.tensor([0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7])
        error = (1 / 3) ** 0.5  # of means -1, 1, -1, 1
        series = torch.tensor([0] * 8 + [1] * 4)
        assert exceeds(gains + shift * error, times=times, series=series) == clear

    def test_gaps_between_series_make_no_empty_blocks(self) -> None:
        times = torch.cat([torch.arange(8), torch.arange(8) + 10_000])
        assert exceeds(torch.ones(1, 16), times=times)

    @pytest.mark.parametrize("n_windows", [3, 4, 9, 10, 16, 37])
    @pytest.mark.parametrize("n_channels", [1, 6])
    def test_a_series_given_again_changes_nothing(self, n_channels: int, n_windows: int) -> None:
        """Whatever the gain, in the order of the series or one after the other."""
        gains = torch.randn(n_channels, n_windows, dtype=torch.float64)
        times, series = torch.arange(n_windows), torch.zeros(n_windows, dtype=torch.int64)
        for shift in torch.linspace(-0.5, 1.0, 40):
            once = exceeds(gains + shift, 100, times, series)
            for twice in (
                lambda x: torch.cat([x, x], dim=-1),
                lambda x: x.repeat_interleave(2, -1),
            ):
                assert exceeds(twice(gains + shift), 100, twice(times), twice(series)) == once


class TestTimeAlone:
    @ABOVE_AND_BELOW
    def test_channels_that_gain_together_are_one(self, shift: float, clear: bool) -> None:
        # in four blocks of two windows, all channels as much: the error of the means is sqrt(1/3)
        gains = torch.tensor([-1.0, -1.0, 1.0, 1.0]).tile(9, 2) + shift * (1 / 3) ** 0.5
        assert exceeds(gains)  # over nine channels there is no deviation
        assert exceeds_error_over_time(gains, torch.arange(8), n_apart=100) == clear

    def test_one_block_tells_nothing(self) -> None:
        gains = torch.full((9, 3), 9.0)
        assert not exceeds_error_over_time(gains, torch.arange(3), n_apart=100)

"""Lookbacks that rows suffice for."""

import pytest

from hyperforecast.automatic import choose_lookback


@pytest.mark.parametrize(
    ("n_rows", "horizon", "season", "expected"),
    [
        ([10_000], 24, 24, 168),  # a week of hours
        ([10_000], 96, 24, 288),  # three horizons
        ([10_000], 240, 24, 720),
        ([10_000], 336, 24, 720),  # as many of three as take no minutes
        ([10_000], 800, 24, 800),  # one at least
        ([10_000], 12, 144, 288),  # two days of ten minutes, for seven are too many
        ([10_000], 12, 288, 288),  # a day of five minutes
        ([10_000], 12, 1440, 96),
        ([10_000], 12, None, 96),
        ([120], 12, 12, 36),  # a third of what the horizon leaves
        ([40], 4, 12, 12),  # but a season
        ([31], 4, 12, 9),  # unless the rows hold no two
        ([13], 3, None, 3),
        ([4], 3, None, 1),
        ([80, 1000, 1000], 13, None, 80),  # the shortest can be forecast, too
        ([40, 1000, 1000], 13, None, 96),  # but not at any price
        ([48, 1000, 1000], 13, None, 48),
    ],
)
def test_follow_rows_horizon_and_season(
    n_rows: list[int], horizon: int, season: int | None, expected: int
) -> None:
    assert choose_lookback(n_rows, horizon, season) == expected


def test_of_many_channels_are_short() -> None:
    assert choose_lookback([10_000], 12, 24, n_channels=100) == 168
    assert choose_lookback([10_000], 12, 24, n_channels=101) == 96
    assert choose_lookback([10_000], 192, 24, n_channels=101) == 192
    assert choose_lookback([80], 8, 4, n_channels=101) == 24

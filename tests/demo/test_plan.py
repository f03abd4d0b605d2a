"""What is forecast and from where."""

from collections.abc import Callable

import pandas as pd
import pytest

from hyperforecast.demo.plan import MAX_TRAINING_ROWS, Plan, split

MakeTable = Callable[..., pd.DataFrame]


class TestSplit:
    def test_last_fifth_is_for_the_test(self, make_table: MakeTable) -> None:
        data, first, horizon, lookbacks = split(make_table(1000))
        assert (len(data), first, horizon) == (1000, 800, 24)
        assert lookbacks == [10, 24, 48, 96, 192]

    def test_lengths_asked_for_are_kept(self, make_table: MakeTable) -> None:
        _, _, horizon, lookbacks = split(make_table(1000), horizon=7, lookback=300)
        assert (horizon, lookbacks) == (7, [300])

    def test_first_rows_are_dropped_where_there_are_many(self, make_table: MakeTable) -> None:
        given = make_table(20_000, 1)
        data, first, *_ = split(given)
        assert first == MAX_TRAINING_ROWS
        pd.testing.assert_frame_equal(data, given.iloc[-len(data) :])
        assert len(data) - first == 4000

    @pytest.mark.parametrize("lengths", [(1, 20), (30, None), (20, 60)])
    def test_too_few_rows(self, lengths: tuple[int, int | None], make_table: MakeTable) -> None:
        with pytest.raises(ValueError, match=r"^40 rows are too few for a lookback of"):
            split(make_table(40), lengths[0], lengths[1] or 30)

    def test_lengths_below_one(self, make_table: MakeTable) -> None:
        with pytest.raises(ValueError, match=r"the horizon must be a number of rows >= 1; got -3"):
            split(make_table(40), -3)


def test_origins_leave_room_for_whole_forecasts(make_table: MakeTable) -> None:
    plan = Plan(make_table(20), first_test_row=12, horizon=3, lookback=4, stride=2)
    assert list(plan.origins) == [12, 14, 16]

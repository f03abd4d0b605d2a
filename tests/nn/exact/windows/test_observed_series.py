"""Rows of a series and of what is known beside it."""

import torch

from hyperforecast.nn.exact import ObservedSeries


def test_rows_are_cut_from_all_that_has_rows() -> None:
    rows = torch.arange(10.0)[:, None]
    static = torch.ones(1, 3)
    series = ObservedSeries(rows, rows + 1, rows.expand(-1, 2) + 2, static, start=5)
    assert (series.n_channels, series.n_past, series.n_future, series.n_static) == (1, 1, 2, 3)
    some = series.rows(2, 6)
    assert some.target[:, 0].tolist() == [2, 3, 4, 5]
    torch.testing.assert_close(some.past, some.target + 1)
    torch.testing.assert_close(some.future, some.target.expand(-1, 2) + 2)
    assert some.static is static
    assert some.start == 7


def test_what_is_not_known_stays_so() -> None:
    series = ObservedSeries(torch.zeros(4, 2)).rows(1, 3).to(torch.device("cpu"))
    assert series.past is series.future is series.static is series.start is None
    assert (series.n_past, series.n_future, series.n_static) == (0, 0, 0)

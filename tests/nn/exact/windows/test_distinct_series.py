"""Series that are given several times."""

import torch

from hyperforecast.nn.exact import ObservedSeries
from hyperforecast.nn.exact.windows.distinct_series import distinct_numbers


def test_equal_targets_have_one_number() -> None:
    one, other = (ObservedSeries(torch.randn(6, 2)) for _ in range(2))
    again = ObservedSeries(one.target.clone(), start=7)
    assert distinct_numbers([one, other, again, one]) == [0, 1, 0, 0]


def test_the_same_numbers_in_another_shape_are_another_series() -> None:
    values = torch.zeros(6, 2)
    series = [ObservedSeries(values), ObservedSeries(values.view(4, 3)), ObservedSeries(values[:4])]
    assert distinct_numbers(series) == [0, 1, 2]


def test_rows_of_a_longer_series_count_as_those_rows() -> None:
    series = ObservedSeries(torch.randn(10, 2))
    again = ObservedSeries(series.target[3:8].clone())
    assert distinct_numbers([series, series.rows(3, 8), again]) == [0, 1, 1]

"""Windows are cut out of series at the rows where they begin."""

import pytest
import torch

from hyperforecast.nn.exact import ObservedSeries
from hyperforecast.nn.windows import WindowCutter

SERIES = ObservedSeries(
    target=torch.arange(20.0, dtype=torch.float64).view(10, 2),
    past=torch.arange(10.0, dtype=torch.float64)[:, None] + 100,
    future=torch.arange(10.0, dtype=torch.float64)[:, None] + 200,
    static=torch.tensor([[1.0], [2.0]]).double(),
    weight=torch.arange(10.0, dtype=torch.float64)[:, None] + 300,
)


def test_a_window_has_its_lookback_and_what_comes_after_the_shift() -> None:
    cutter = WindowCutter(lookback=3, horizon=2, shift=1, dtype=torch.float32)
    assert cutter.width == 6
    windows = cutter.cut(SERIES, torch.tensor([1, 4]))
    assert windows.past_target.dtype == torch.float32
    assert windows.past_target[0].tolist() == [[2, 3], [4, 5], [6, 7]]
    assert windows.future_target[0].tolist() == [[10, 11], [12, 13]]
    assert windows.past_covariates is not None
    assert windows.past_covariates[1].flatten().tolist() == [104, 105, 106]
    assert windows.future_covariates is not None
    assert windows.future_covariates[1].flatten().tolist() == [208, 209]
    assert windows.static_covariates is not None
    assert windows.static_covariates.tolist() == [[[1], [2]]] * 2
    assert windows.weight is not None
    assert windows.weight[1].flatten().tolist() == [308, 309]


@pytest.mark.parametrize(("counts", "expected"), [(None, [0, 1, 2, 3, 4]), ([0, 3, 7], [0, 3])])
def test_windows_begin_where_they_count_and_end_within_the_series(counts, expected) -> None:
    series = SERIES
    if counts is not None:
        counting = torch.zeros(10, dtype=torch.bool)
        counting[counts] = True
        series = ObservedSeries(SERIES.target, counts=counting)
    cutter = WindowCutter(3, 2, 1, torch.float64)
    assert cutter.starts(series).tolist() == expected
    assert cutter.starts(series.rows(0, 5)).tolist() == []


def test_blocks_hold_all_windows_of_all_series_once() -> None:
    cutter = WindowCutter(3, 2, 1, torch.float64)
    blocks = [windows.past_target[:, 0, 0].tolist() for windows in cutter.blocks([SERIES] * 2, 3)]
    assert blocks == [[0, 2, 4], [6, 8], [0, 2, 4], [6, 8]]

"""Series of Darts as the exact solver takes them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
import torch
from darts import TimeSeries
from darts.utils.data import SequentialTorchTrainingDataset

from hyperforecast.darts import HNMVTSModel
from hyperforecast.darts.inputs.observed_series import observed_series
from hyperforecast.nn.exact import MomentHistory


def starts(series: Sequence[TimeSeries], history: MomentHistory | None = None) -> list[int | None]:
    dataset = SequentialTorchTrainingDataset(
        series=series, input_chunk_length=4, output_chunk_length=2
    )
    return [one.start for one in observed_series(dataset, torch.device("cpu"), history)]


def dated(begin: str, freq: str = "D", n_rows: int = 9) -> TimeSeries:
    times = pd.date_range(begin, periods=n_rows, freq=freq)
    return TimeSeries.from_times_and_values(times, np.zeros((n_rows, 1)))


def numbered(begin: int, step: int = 1) -> TimeSeries:
    times = pd.RangeIndex(begin, begin + 9 * step, step)
    return TimeSeries.from_times_and_values(times, np.zeros((9, 1)))


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ([dated("2020-01-31"), dated("2020-03-01"), dated("2020-01-30")], [0, 30, -1]),
        ([dated("2020-01-01", "MS"), dated("2021-03-01", "MS")], [0, 14]),
        ([numbered(10), numbered(3)], [0, -7]),
        ([numbered(10, 2), numbered(16, 2)], [0, 3]),
        # what has no time in common with the first does not say
        ([numbered(10), dated("2020-01-01"), numbered(11)], [0, None, 1]),
    ],
)
def test_series_say_where_in_time_they_begin(
    series: list[TimeSeries], expected: list[int | None]
) -> None:
    assert starts(series) == expected


def test_time_is_counted_from_the_first_that_has_a_window() -> None:
    assert starts([dated("2020-01-01", n_rows=5), dated("2020-01-05"), dated("2020-01-08")]) == [
        0,
        3,
    ]


def test_a_history_counts_from_the_first_fit() -> None:
    history = MomentHistory()
    assert starts([dated("2020-01-05")], history) == [0]
    assert starts([dated("2020-01-08"), dated("2020-01-04")], history) == [3, -1]
    assert history.origin == pd.Timestamp("2020-01-05")


@pytest.mark.parametrize("n_rows", [23, 60, 120])
def test_a_series_given_twice_changes_neither_setting_nor_forecast(n_rows: int) -> None:
    """Whether too few windows are held out to compare settings, or enough."""
    random = np.random.default_rng(n_rows)
    values = np.cumsum(random.normal(size=(n_rows, 4)), axis=0)
    times = pd.date_range("2020-01-01", periods=n_rows)
    series = TimeSeries.from_times_and_values(times, values)
    once = HNMVTSModel(6, 3, solver="exact").fit([series])
    twice = HNMVTSModel(6, 3, solver="exact").fit([series, series])
    assert once.solver_report is not None
    assert (len(once.solver_report) > 0) == (n_rows > 23)
    pd.testing.assert_frame_equal(twice.solver_report, once.solver_report, rtol=1e-8)
    forecast, expected = (model.predict(3, series=series) for model in (twice, once))
    np.testing.assert_allclose(forecast.values(), expected.values(), rtol=1e-8)

"""From tables to Darts' series, against values scaled by hand."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hyperforecast.sktime.conversion import as_arguments, to_darts
from hyperforecast.sktime.scaling import InstanceScaler, Scale
from hyperforecast.sktime.trained import Trained

Y = np.array([[0.0, 10.0], [2.0, 30.0], [4.0, 50.0]])


SCALES = (
    Scale(np.array([2.0, 30.0]), np.array([2.0, 10.0])),
    Scale(np.array([1.0]), np.array([0.5])),
)


def trained(future: list[Any], past: list[Any]) -> Trained:
    model: Any = SimpleNamespace(input_chunk_length=3, output_chunk_length=2, weights_by="channel")
    return Trained(
        model=model,
        channels=["a", "b"],
        future=future,
        past=past,
        y_scaler=InstanceScaler(SCALES[0]),
        X_scaler=InstanceScaler(SCALES[1]),
        options={},
    )


def test_channels_are_scaled_and_named() -> None:
    inputs = to_darts(trained([], []), (), SCALES, Y, None, ["x", "y"])
    series = inputs["series"]
    assert series is not None
    assert list(series.components) == ["x", "y"]
    np.testing.assert_array_equal(series.values(), [[-1, -2], [0, 0], [1, 2]])
    assert series.dtype == np.float32
    assert inputs["future_covariates"] is inputs["past_covariates"] is None


def test_covariates_are_parted_by_what_is_known_of_them() -> None:
    X = np.array([[1.0, 2.0], [1.5, 3.0], [2.0, 4.0], [2.5, 5.0]])  # one row ahead
    inputs = to_darts(trained([7], ["p"]), (), SCALES, Y, X, ["a", "b"], n_ahead=2)
    future, past = inputs["future_covariates"], inputs["past_covariates"]
    assert future is not None
    assert past is not None
    assert list(future.components) == ["7"]
    assert list(past.components) == ["p"]
    # known ahead: filled up to the horizon, in scaled units; known up to now: no row ahead
    np.testing.assert_array_equal(future.values()[:, 0], [0, 1, 2, 3, 0])
    np.testing.assert_array_equal(past.values()[:, 0], [2, 4, 6])


def test_what_is_absent_is_no_argument() -> None:
    inputs = [to_darts(trained([], []), (), SCALES, Y, None, ["a", "b"])] * 2
    assert {name: len(series) for name, series in as_arguments(inputs).items()} == {"series": 2}
    assert list(as_arguments(inputs, "val_")) == ["val_series"]
    assert as_arguments([]) == {}


@pytest.mark.parametrize("n_ahead", [0, 1])
def test_nothing_is_filled_up_where_rows_are_enough(n_ahead: int) -> None:
    X = np.ones((4, 1))
    future = to_darts(trained(["f"], []), (), SCALES, Y, X, ["a", "b"], n_ahead)[
        "future_covariates"
    ]
    assert future is not None
    assert len(future) == 4

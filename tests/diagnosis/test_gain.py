"""What is saved of an error, by hand."""

import math

import numpy as np
import pytest

from hyperforecast.diagnosis.gain import gain_of


def test_part_saved_and_standard_error_over_blocks() -> None:
    reference = np.full((8, 2), 2.0)
    errors = np.repeat([1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0], 2).reshape(8, 2)
    gain = gain_of(reference, errors, horizon=4)  # two blocks: a half saved, and nothing
    assert gain.gain == pytest.approx(0.25)
    assert gain.standard_error == pytest.approx(np.std([0.5, 0.0], ddof=1) / math.sqrt(2))
    assert str(gain) == "25.0 % ± 25.0 %"


def test_does_not_depend_on_units() -> None:
    reference, errors = np.random.default_rng(0).random((2, 30, 3))
    assert gain_of(1e6 * reference, 1e6 * errors, 3) == pytest.approx(gain_of(reference, errors, 3))


def test_one_window_says_nothing_of_its_error() -> None:
    assert gain_of(np.array([[2.0]]), np.array([[1.0]]), 3) == (0.5, math.inf)


def test_nothing_to_save() -> None:
    zero = np.zeros((6, 1))
    assert gain_of(zero, zero, 2) == (0.0, 0.0)
    assert gain_of(zero, zero + 1.0, 2) == (0.0, math.inf)

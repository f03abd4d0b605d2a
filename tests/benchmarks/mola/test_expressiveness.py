"""The made task that needs more directions than a narrow network has."""

import numpy as np

from benchmarks.mola.expressiveness import least_error, made_task


def test_the_least_error_of_a_linear_decoder():
    # two inputs and a bias: what the three largest of four directions leave, over four steps
    assert least_error(np.array([4.0, 3.0, 2.0, 1.0]), 2) == 1 / 4
    assert least_error(np.ones(16), 15) == 0


def test_the_made_task_has_as_many_directions_as_steps():
    blocks = made_task(8, 5, 40, seed=0).values().reshape(40, 13)
    x, y = blocks[:, :8], blocks[:, 8:]
    weights, *_ = np.linalg.lstsq(x, y)
    np.testing.assert_allclose(x @ weights, y, atol=1e-5)
    np.testing.assert_allclose(weights.T @ weights, np.eye(5), atol=1e-5)

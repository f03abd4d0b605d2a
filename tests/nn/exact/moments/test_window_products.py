"""Products of windows, against the sums that they stand for."""

import pytest
import torch

from hyperforecast.nn.exact import lagged_products, summed_lagged_products
from hyperforecast.nn.exact.moments.window_products import symmetric, window_deviations
from hyperforecast.nn.layers.instance_norm import RevIN


@pytest.mark.parametrize(("width_a", "width_b"), [(5, 5), (1, 6), (6, 1), (3, 7), (7, 3)])
def test_lagged_products(width_a: int, width_b: int) -> None:
    a, b = torch.randn(2, 30, dtype=torch.float64), torch.randn(2, 30, dtype=torch.float64)
    n_windows = 20
    expected = torch.zeros(2, width_a, width_b, dtype=torch.float64)
    for i in range(width_a):
        for j in range(width_b):
            for t in range(n_windows):
                expected[:, i, j] += a[:, t + i] * b[:, t + j]
    found = lagged_products(a, b, n_windows, width_a, width_b)
    torch.testing.assert_close(found, expected, rtol=0.0, atol=1e-12 * 30)


@pytest.mark.parametrize("width", [1, 2, 6])
def test_summed_lagged_products_are_sums_of_lagged_products(width: int) -> None:
    x, weights = torch.randn(5, 30, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    expected = torch.einsum("nm,nij->mij", weights, lagged_products(x, x, 20, width, width))
    found = summed_lagged_products(x, weights, 20, width)
    torch.testing.assert_close(found, expected, rtol=0.0, atol=1e-12 * 30)


def test_deviations_are_those_that_revin_divides_by() -> None:
    x = torch.randn(2, 30, dtype=torch.float64) + 5.0
    windows = x.unfold(1, 7, 1)
    expected = (windows.var(dim=2, correction=0) + RevIN.epsilon).sqrt()
    torch.testing.assert_close(window_deviations(x, 7), expected)


def test_symmetric_matrices_have_the_upper_triangle_given() -> None:
    found = symmetric(torch.tensor([[1.0, 2.0], [9.0, 3.0]]))
    torch.testing.assert_close(found, torch.tensor([[1.0, 2.0], [2.0, 3.0]]))

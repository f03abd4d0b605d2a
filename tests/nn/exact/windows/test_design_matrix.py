"""Windows written out, against loops over them."""

from collections.abc import Callable

import pytest
import torch
from moment_cases import KINDS, make_layout
from naive_windows import design

from hyperforecast.nn.exact import LINEAR_NORMS, ObservedSeries
from hyperforecast.nn.exact.windows.design_matrix import design_matrix


@pytest.mark.parametrize("norm", LINEAR_NORMS)
def test_window_regressors_equal_the_naive_rows(
    norm: str, make_series: Callable[..., ObservedSeries]
) -> None:
    series, layout = make_series(kinds=KINDS["all"]), make_layout(KINDS["all"], norm, 2)
    expected = design(series, layout)
    for one, two in zip(design_matrix(series, layout).rows(), expected, strict=True):
        torch.testing.assert_close(one.transpose(0, 1), two)
    starts = torch.tensor([3, 17])
    some = design_matrix(series, layout, starts).rows(slice(1, 2))
    for one, two in zip(some, expected, strict=True):
        torch.testing.assert_close(one.transpose(0, 1), two[starts][:, 1:2])


@pytest.mark.parametrize("kinds", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("norm", LINEAR_NORMS)
def test_residuals_are_those_of_the_forecasts(
    norm: str, kinds: tuple[str, ...], make_series: Callable[..., ObservedSeries]
) -> None:
    series, layout = make_series(kinds=kinds), make_layout(kinds, norm, 1)
    x, y, f = design(series, layout)
    weight = torch.randn(3, 3, x.shape[2], dtype=torch.float64)  # (C, H, p)
    future_weight = torch.randn(3, f.shape[3], dtype=torch.float64)
    expected = torch.empty_like(y)
    for c in range(3):
        expected[:, c] = y[:, c] - x[:, c] @ weight[c].T - f[:, c] @ future_weight[c]
    found = design_matrix(series, layout).residuals(weight, future_weight)
    torch.testing.assert_close(found.transpose(0, 1), expected)

"""Lags that all channels see, against windows written out."""

from collections.abc import Callable

import pytest
import torch
from moment_cases import make_layout

from hyperforecast.nn.exact import ObservedSeries
from hyperforecast.nn.exact.moments.shared_lags import SharedLags
from hyperforecast.nn.exact.windows.design_matrix import design_matrix


@pytest.mark.parametrize("norm", ["none", "last", "mean"])
@pytest.mark.parametrize("kinds", [("past",), ("factors",), ("past", "factors")])
def test_products_and_sums_are_those_of_the_windows(
    kinds: tuple[str, ...], norm: str, make_series: Callable[..., ObservedSeries]
) -> None:
    series, layout = make_series(kinds=kinds), make_layout(kinds, norm, 1)
    x, _, _ = design_matrix(series, layout).rows(slice(1))
    x, n_windows = x[0], x.shape[1]  # (T, p)
    found = SharedLags.of(series, layout)
    other = torch.randn(2, len(series.target), dtype=torch.float64)
    windows = other.unfold(1, layout.width, 1)  # (m, T, width)
    where = layout.regressors(series)
    places = [getattr(where, kind) for kind in kinds]
    for place, lags in zip(places, found, strict=True):
        torch.testing.assert_close(lags.sums(n_windows), x[:, place].sum(dim=0))
        products = lags.products(other, n_windows, layout.width)
        torch.testing.assert_close(products, windows.mT @ x[:, place])
        for other_place, others in zip(places, found, strict=True):
            among = lags.products_with(others, n_windows)
            torch.testing.assert_close(among, x[:, place].T @ x[:, other_place])

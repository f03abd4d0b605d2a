"""Products under RevIN, against loops over windows and channels."""

from collections.abc import Callable

import pytest
import torch
from moment_cases import make_layout
from naive_windows import design

from hyperforecast.nn.exact import ObservedSeries, lagged_products
from hyperforecast.nn.exact.moments import scaled_regressors
from hyperforecast.nn.exact.moments.recurrence import series_moments
from hyperforecast.nn.exact.moments.scaled_regressors import ScaledRegressors, combined_windows

KINDS = ("past", "future", "static", "factors")


def test_combined_windows_are_sums_over_channels() -> None:
    rows = torch.randn(9, 4, dtype=torch.float64)
    scale, weights = torch.rand(5, 4, dtype=torch.float64), torch.randn(4, 2, dtype=torch.float64)
    found = combined_windows(rows, scale, weights, 5)
    for t in range(5):
        for i in range(5):
            for m in range(2):
                expected = sum(weights[n, m] * scale[t, n] * rows[t + i, n] for n in range(4))
                torch.testing.assert_close(found[t, i, m], expected)


@pytest.mark.parametrize("strip", [3, 100])
@pytest.mark.parametrize("max_bytes", [1, 5_000, 2**26], ids=["one by one", "some", "all"])
@pytest.mark.parametrize("weighted", [False, True])
def test_blocks_add_up_to_the_products_of_all_windows(
    weighted: bool,
    max_bytes: int,
    strip: int,
    make_series: Callable[..., ObservedSeries],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scaled_regressors, "STRIP", strip)
    series, layout = make_series(kinds=KINDS), make_layout(KINDS, "revin", 1)
    weights = torch.randn(3, 2, dtype=torch.float64) if weighted else None
    x, y, f = design(series, layout)
    xx = torch.einsum("tcp,tcq->cpq", x, x)
    xf = torch.einsum("tcp,tchf->cphf", x, f)
    fy = torch.einsum("tchf,tch->cf", f, y)
    if weights is not None:
        xx, xf, fy = (torch.einsum("cm,c...->m...", weights, sums) for sums in (xx, xf, fy))
    target = series.target.T.contiguous()
    own = lagged_products(target, target, layout.n_windows(series), layout.width, layout.width)
    if weights is not None:
        own = torch.einsum("cm,cij->mij", weights, own)
    shared = ScaledRegressors(series, layout, max_bytes)
    found = series_moments(series, layout, own, shared, weights=weights)
    torch.testing.assert_close(found.xx, xx, rtol=0.0, atol=1e-11 * xx.abs().max())
    torch.testing.assert_close(found.xf, xf, rtol=0.0, atol=1e-11 * xf.abs().max())
    torch.testing.assert_close(found.fy, fy, rtol=0.0, atol=1e-11 * fy.abs().max())

"""Weights under a wider view of the window forecast the same."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from made_series import noise
from moment_cases import KINDS, make_layout
from naive_windows import design

from hyperforecast.nn.exact import BasisWeights, ObservedSeries, WindowLayout
from hyperforecast.nn.exact.regressions.widened_weights import widened


@pytest.mark.parametrize("kinds", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize(
    ("norm", "whole_norm"),
    [("none", "none"), ("last", "last"), ("last", "none"), ("mean", "none")],
)
@pytest.mark.parametrize("unused", [0, 3])
def test_forecast_the_same(
    norm: str,
    whole_norm: str,
    unused: int,
    kinds: tuple[str, ...],
    make_series: Callable[..., ObservedSeries],
) -> None:
    series = make_series(30, kinds=kinds)
    seen = make_layout(kinds, norm, 1, unused=unused)
    whole = make_layout(kinds, whole_norm, 1)
    if seen.n_factors:
        random = noise(3, 1, seed=9)
        loadings = torch.cat([seen.loadings, random], dim=1)  # type: ignore[list-item]
        whole = replace(whole, loadings=loadings, factor_lookback=7)
    n_regressors = seen.regressors(series).total
    weights = BasisWeights(noise(2, 3, n_regressors), noise(2, series.n_future))
    mixing = torch.cat([torch.ones(3, 1), noise(3, 1, seed=4)], dim=1)
    one = torch.tensor([1.0, 0.0], dtype=torch.float64)
    wide = widened(weights, seen, whole, series, one)
    forecasts = [
        forecast(series, layout, some, mixing) for layout, some in ((seen, weights), (whole, wide))
    ]
    torch.testing.assert_close(forecasts[0], forecasts[1], rtol=1e-10, atol=1e-10)


def forecast(
    series: ObservedSeries, layout: WindowLayout, weights: BasisWeights, mixing: torch.Tensor
) -> torch.Tensor:
    x, y, f = design(series, layout)
    weight, future = weights.of_channels(mixing.double())
    of_windows = torch.einsum("tcp,chp->tch", x, weight) + torch.einsum("tchf,cf->tch", f, future)
    ahead = series.target[layout.targets.start :].unfold(0, layout.horizon, 1)
    return of_windows + ahead - y  # the level that was subtracted

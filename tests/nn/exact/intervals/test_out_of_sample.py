"""Residuals of windows that were not trained on."""

from collections.abc import Callable

import pytest
import torch
from naive_windows import design

from hyperforecast.nn.exact import (
    ExactOptions,
    ObservedSeries,
    Problem,
    SearchSpace,
    Setting,
    WindowLayout,
)
from hyperforecast.nn.exact.intervals import out_of_sample as module
from hyperforecast.nn.exact.intervals.out_of_sample import (
    OutOfSample,
    held_out_residuals,
    leave_out_residuals,
)
from hyperforecast.nn.exact.splits.data_split import DataSplit

L, H = 6, 3
WIDTH = L + H


def residuals_of(
    split: DataSplit, series: ObservedSeries, norm: str, weight: torch.Tensor
) -> torch.Tensor:
    """Targets less forecasts, in units of the split and of the constant: (C, T, H)."""
    x, y, _ = design(split.units.standardise(series), WindowLayout(L, H, norm=norm))
    errors = y - torch.einsum("tcp,chp->tch", x, weight)
    return (errors / x[..., -1:]).transpose(0, 1)


@pytest.mark.parametrize("norm", ["last", "revin"])
def test_each_window_is_forecast_by_a_fit_to_windows_without_its_targets(
    norm: str, make_series: Callable[..., ObservedSeries], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MANY_BLOCKS", 10**6)  # so each window alone
    series, options = make_series(30), ExactOptions()
    problem = Problem(L, H, search=SearchSpace((norm,)))
    split = DataSplit(problem, [series], options, None, "all")
    setting = Setting(norm, 0, False, 0, 0.1)
    sample = leave_out_residuals(split, split.solve(setting), 10**6)
    n_windows = 30 - WIDTH + 1
    assert sample.counts == (n_windows,)
    for t in range(n_windows):
        left = [series.rows(0, max(t - H + 1, 0) + WIDTH - 1), series.rows(t + H, 30)]
        left = [one for one in left if len(one.target) >= WIDTH]
        alone = DataSplit(problem, left, options, None, "left", split).solve(setting)
        weight, _ = alone.weights.of_channels(alone.mixing)
        expected = residuals_of(split, series.rows(t, t + WIDTH), norm, weight)[:, 0]
        torch.testing.assert_close(sample.residuals[:, t], expected, rtol=1e-8, atol=1e-8)


def test_without_any_other_window_the_forecast_is_the_level(
    make_series: Callable[..., ObservedSeries],
) -> None:
    series = make_series(WIDTH)
    split = DataSplit(
        Problem(L, H, search=SearchSpace(("last",))), [series], ExactOptions(), None, "all"
    )
    sample = leave_out_residuals(split, split.solve(Setting("last", 0, False, 0, 0.1)), 100)
    window = split.units.standardise(series).target.T
    torch.testing.assert_close(sample.residuals[:, 0], window[:, L:] - window[:, L - 1 : L])


@pytest.mark.parametrize("norm", ["none", "revin"])
def test_held_out_windows_are_forecast_by_the_solution(
    norm: str, make_series: Callable[..., ObservedSeries]
) -> None:
    problem = Problem(L, H, search=SearchSpace((norm,)))
    trained = DataSplit(problem, [make_series(60)], ExactOptions(), None, "training")
    others = [make_series(25, seed=1), make_series(40, seed=2)]
    held_out = DataSplit(problem, others, ExactOptions(), None, "validation", trained)
    solution = trained.solve(Setting(norm, 0, False, 0, 0.1))
    sample = held_out_residuals(held_out, solution, 10**6)
    weight, _ = solution.weights.of_channels(solution.mixing)
    expected = torch.cat([residuals_of(trained, one, norm, weight) for one in others], dim=1)
    torch.testing.assert_close(sample.residuals, expected)
    assert sample.counts == (25 - WIDTH + 1, 40 - WIDTH + 1)
    targets = [trained.units.standardise(one).target for one in others]
    windows = torch.cat([one.unfold(0, L, 1)[: -H or None] for one in targets])  # (T, C, L)
    if norm == "revin":
        deviation = (windows.var(dim=2, correction=0, keepdim=True) + 1e-5).sqrt()
        windows = windows / deviation
    for number, span in enumerate(sample.spans):
        expected = windows[..., -span:].var(dim=2, correction=0).T
        torch.testing.assert_close(sample.variances[..., number], expected)


def test_a_share_of_the_windows_is_spread_over_blocks(
    make_series: Callable[..., ObservedSeries],
) -> None:
    split = DataSplit(Problem(L, H), [make_series(400)], ExactOptions(), None, "all")
    solution = split.solve(Setting("none", 0, False, 0, 0.1))
    sample = leave_out_residuals(split, solution, 60)
    assert sample.residuals.shape == (3, 60, H)
    assert sample.counts == (400 - WIDTH + 1,)


def test_joined_follow_each_other() -> None:
    one = OutOfSample(torch.zeros(2, 3, 4), torch.zeros(2, 3, 1), (5,), (9,))
    other = OutOfSample(torch.ones(2, 2, 4), torch.ones(2, 2, 1), (5,), (3, 4))
    both = OutOfSample.joined([one, other])
    assert both.residuals[0, :, 0].tolist() == both.variances[0, :, 0].tolist() == [0, 0, 0, 1, 1]
    assert (both.counts, both.spans) == ((9, 3, 4), (5,))


def test_residuals_of_missing_targets_are_those_of_windows_before() -> None:
    residuals = torch.arange(8.0).reshape(1, 4, 2)  # (C, T, H)
    gaps = torch.tensor([[True, False], [False, False], [True, True], [False, True]])
    found = module.without_gaps(residuals, gaps[:, None])
    assert found.tolist() == [[[2.0, 1.0], [2.0, 3.0], [2.0, 3.0], [6.0, 3.0]]]
    assert not module.without_gaps(residuals, torch.ones(4, 1, 2, dtype=torch.bool)).any()

"""Solutions that take in further windows, against fits on all rows."""

from dataclasses import replace

import pytest
import torch
from made_series import H, L, autoregressive, clustered, noise
from naive_windows import designs

from hyperforecast.nn.exact import (
    Combination,
    ExactOptions,
    Moments,
    ObservedSeries,
    Problem,
    RunningFit,
    SearchSpace,
    Setting,
    WindowLayout,
    solve_exact,
)
from hyperforecast.nn.exact.moments.pairs import pair_weights
from hyperforecast.nn.exact.regressions import generated_regression
from hyperforecast.nn.exact.splits.data_split import DataSplit

WIDTH = L + H
ROWS = clustered().target


def series_with(kinds: str) -> ObservedSeries:
    n_rows, n_channels = ROWS.shape
    return ObservedSeries(
        ROWS,
        past=noise(n_rows, 2, seed=1) if "past" in kinds else None,
        future=noise(n_rows, 1, seed=2) if "future" in kinds else None,
        static=noise(n_channels, 1, seed=3) if "static" in kinds else None,
    )


def started(setting: Setting, first: list[ObservedSeries]) -> RunningFit:
    problem = Problem(L, H)
    return RunningFit.of(
        problem, ExactOptions(), solve_exact(problem, first, combination=Combination.alone(setting))
    )


@pytest.mark.parametrize("kinds", ["", "past future static"])
@pytest.mark.parametrize(
    "setting",
    [
        Setting("last", 0, False, 0, 0.1),
        Setting("mean", 2, False, 0, 0.1),
        Setting("none", 2, False, 3, 0.1),
        Setting("revin", 0, False, 0, 0.1),
        Setting("mean", 8, True, 0, 0.1),
    ],
    ids=["shared", "generated", "factors", "revin", "individual"],
)
@pytest.mark.parametrize("direct", [True, False])
def test_taking_windows_in_equals_a_fit_on_all_rows(
    setting: Setting, kinds: str, direct: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row, a few, many: the weights of the frame's regression over all windows."""
    if not direct:
        monkeypatch.setattr(generated_regression, "MAX_DIRECT", 1)
    whole = series_with(kinds)
    running = started(setting, [whole.rows(0, 200)])
    at_once = running.counting([whole]).solve()
    running = running.counting([whole.rows(0, 200)])
    for first, end in ((200, 201), (201, 210), (210, 500)):
        running = running.counting([whole.rows(first - WIDTH + 1, end)])
    found = running.solve()
    tolerance = {"rtol": 1e-8, "atol": 1e-8}
    torch.testing.assert_close(found.weights.weight, at_once.weights.weight, **tolerance)
    torch.testing.assert_close(found.weights.future, at_once.weights.future, **tolerance)
    assert found.setting == setting
    torch.testing.assert_close(found.loadings, at_once.loadings)


@pytest.mark.parametrize("individual", [False, True])
def test_equals_least_squares_over_all_windows(individual: bool) -> None:
    """Written out in the units of the first rows, and solved by a library."""
    dim, ridge = (8, 1e-13) if individual else (0, 1e-13)
    whole = series_with("past")
    running = started(Setting("last", dim, individual, 0, ridge), [whole.rows(0, 200)])
    running = running.counting([whole.rows(0, 200)])
    found = running.counting([whole.rows(200 - WIDTH + 1, 500)]).solve()
    layout = WindowLayout(L, H, norm="last")
    x, y, _ = designs([running.frame.units.standardise(whole)], layout)  # (windows, C, p)
    channels = [slice(c, c + 1) for c in range(8)] if individual else [slice(0, 8)]
    for number, some in enumerate(channels):
        rows, targets = x[:, some].flatten(0, 1), y[:, some].flatten(0, 1)
        # the last lag less itself is nothing
        expected = torch.linalg.lstsq(rows, targets, driver="gelsd").solution.T
        torch.testing.assert_close(found.weights.weight[number], expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize(
    "setting",
    [
        Setting("last", 0, False, 0, 0.1),
        Setting("none", 2, False, 3, 0.1),
        Setting("revin", 8, True, 0, 0.1),
    ],
    ids=["shared", "generated", "individual"],
)
def test_forgetting_counts_windows_by_their_age(setting: Setting) -> None:
    """Against the equations of least squares with weights that fall, written out."""
    forgetting, whole = 0.97, series_with("past future static")
    running = started(setting, [whole.rows(0, 200)]).counting([whole.rows(0, 200)], forgetting)
    for first, end in ((200, 201), (201, 210), (210, 500)):
        running = running.counting([whole.rows(first - WIDTH + 1, end)], forgetting)
    standardised = running.frame.units.standardise(whole)
    split = DataSplit(running.problem, [whole], ExactOptions(), None, "all", running.frame)
    x, y, f = designs([standardised], split.layout(setting.view))
    root = forgetting ** (torch.arange(len(x) - 1, -1, -1, dtype=x.dtype) / 2)[:, None, None]
    x, y, f = (x * root).transpose(0, 1), (y * root).transpose(0, 1), f * root[..., None]
    f = f.transpose(0, 1)
    moments = Moments(
        x.mT @ x,
        x.mT @ y,
        y.square().sum(dim=(1, 2)),
        torch.einsum("ntp,nthf->nphf", x, f),
        torch.einsum("nthf,nthg->nfg", f, f),
        torch.einsum("nthf,nth->nf", f, y),
        x.shape[1],
    )
    pairs = pair_weights(split.mixing(setting))
    split.use(setting, moments if setting.individual else moments.summed(pairs))
    expected = split.solve(setting).weights
    found = running.solve().weights
    torch.testing.assert_close(found.weight, expected.weight, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(found.future, expected.future, rtol=1e-8, atol=1e-8)


def test_forgetting_follows_a_change() -> None:
    """Coefficients that turn round: old windows hardly count any more."""
    slope = torch.tensor([[0.9]], dtype=torch.float64)
    rows = torch.cat([autoregressive(slope, 400), autoregressive(-slope, 400, seed=1)])
    setting = Setting("none", 0, False, 0, 1e-6)
    first = ObservedSeries(rows[:400])
    later = ObservedSeries(rows[400 - WIDTH + 1 :])
    lag = {}
    for forgetting in (1.0, 0.95):
        running = started(setting, [first]).counting([first], forgetting)
        weights = running.counting([later], forgetting).solve().weights.weight
        lag[forgetting] = weights[0, 0, L - 1].item()
    assert abs(lag[1.0]) < 0.2
    assert lag[0.95] < -0.7


def test_several_series_go_on_apart() -> None:
    setting = Setting("mean", 2, False, 0, 0.1)
    whole = series_with("")
    one, other = whole.rows(0, 200), whole.rows(250, 500)
    running = started(setting, [one, other])
    expected = running.counting([one, other]).solve()
    running = running.counting([one]).counting([other.rows(0, 100)])
    found = running.counting([other.rows(100 - WIDTH + 1, 250), one.rows(0, 3)]).solve()
    torch.testing.assert_close(found.weights.weight, expected.weights.weight, rtol=1e-8, atol=1e-8)


def test_quantiles_stay() -> None:
    problem = Problem(L, H, search=SearchSpace(("last",)), quantiles=(0.1, 0.5, 0.9))
    solution = solve_exact(problem, [series_with("").rows(0, 200)])
    running = RunningFit.of(problem, ExactOptions(), solution).counting([series_with("")])
    assert running.solve().residual_quantiles is solution.residual_quantiles


def test_no_window_no_weights() -> None:
    running = started(Setting("last", 0, False, 0, 0.1), [series_with("")])
    assert running.counting([series_with("").rows(0, WIDTH - 1)]) == running
    with pytest.raises(ValueError, match="count some series first"):
        running.solve()


def test_a_running_fit_stays_as_it_is() -> None:
    running = started(Setting("last", 0, False, 0, 0.1), [series_with("")])
    one = running.counting([series_with("").rows(0, 200)])
    before = replace(one, moments=one.moments).solve().weights.weight.clone()
    one.counting([series_with("").rows(150, 300)])
    torch.testing.assert_close(one.solve().weights.weight, before, rtol=0.0, atol=0.0)

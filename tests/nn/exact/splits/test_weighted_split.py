"""Weighted fits, against least squares that is written out row by row."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from made_series import H, L, clustered, noise
from naive_windows import design
from torch import Tensor

from hyperforecast.nn.exact import (
    Combination,
    ExactOptions,
    ExactSolution,
    ObservedSeries,
    Problem,
    SearchSpace,
    Setting,
    WindowLayout,
    solve_exact,
)
from hyperforecast.nn.exact.regressions import step_regressions

ROWS = clustered().target[:160]
T, C = ROWS.shape
SETTINGS = {
    "shared": Setting("none", 0, False, 0, 1e-13),
    "generated": Setting("none", 2, False, 0, 1e-13),
    "individual": Setting("none", C, True, 0, 1e-13),
    "factors": Setting("none", 0, False, 2, 1e-13),
    "revin": Setting("revin", 0, False, 0, 1e-13),
}
each_setting = pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)


def linear() -> Tensor:
    return torch.linspace(0, 1, T, dtype=torch.float64)[:, None]


def exponential() -> Tensor:
    return torch.exp(-10 * (1 - linear()))


def by_row() -> Tensor:
    return noise(T, 1, seed=7).abs()


def by_channel() -> Tensor:
    return noise(T, C, seed=8).abs()


each_weight = pytest.mark.parametrize("make", [linear, exponential, by_row, by_channel])


def observed(kinds: str = "", **kwargs: Tensor | None) -> ObservedSeries:
    return ObservedSeries(
        ROWS,
        past=noise(T, 1, seed=1) if "past" in kinds else None,
        future=noise(T, 2, seed=2) if "future" in kinds else None,
        **kwargs,
    )


def fit(series: list[ObservedSeries], setting: Setting, shift: int = 0) -> ExactSolution:
    return solve_exact(
        Problem(L, H, shift),
        series,
        options=ExactOptions(factor_lookback=3),
        combination=Combination.alone(setting),
    )


def written_out(
    series: ObservedSeries, solution: ExactSolution, shift: int
) -> tuple[Tensor, Tensor]:
    """Least squares with a row for every window, channel and step, by a library."""
    setting, units = solution.setting, solution.units
    layout = WindowLayout(
        L,
        H,
        shift,
        setting.norm,
        solution.loadings if setting.n_factors else None,
        solution.factor_lookback,
    )
    x, y, f = design(units.standardise(series), layout)  # (t, C, p), (t, C, H), (t, C, H, F)
    u = solution.mixing
    n_windows, _, p = x.shape
    n_bases, n_future = u.shape[1], f.shape[3]
    weight = torch.ones(T, 1, dtype=x.dtype) if series.weight is None else series.weight
    first = L + shift
    w = torch.stack([weight[first + h : first + h + n_windows] for h in range(H)], dim=2)
    w = w.expand(n_windows, C, H).clone()  # (t, C, H)
    if series.counts is not None:
        w[~series.counts[:n_windows]] = 0.0
    own = torch.einsum("nk,tnp->tnkp", u, x).flatten(2)
    rows = x.new_zeros(n_windows, C, H, H * n_bases * p + n_bases * n_future)
    for h in range(H):
        rows[:, :, h, h * n_bases * p : (h + 1) * n_bases * p] = own
        of_future = torch.einsum("nk,tnf->tnkf", u, f[:, :, h]).flatten(2)
        rows[:, :, h, H * n_bases * p :] = of_future
    root = w.sqrt()
    solved = torch.linalg.lstsq(
        (rows * root[..., None]).flatten(0, 2), (y * root).flatten()[:, None], driver="gelsd"
    ).solution[:, 0]
    weights = solved[: H * n_bases * p].view(H, n_bases, p).transpose(0, 1)
    return weights, solved[H * n_bases * p :].view(n_bases, n_future)


def check(series: ObservedSeries, setting: Setting, shift: int = 0) -> None:
    solution = fit([series], setting, shift)
    weight, future = written_out(series, solution, shift)
    found = solution.weights.weight.clone()
    if setting.norm == "revin":  # lags less their mean see no weight that is the same for all
        for one in (found, weight):
            one[..., :L] -= one[..., :L].mean(dim=-1, keepdim=True)
    torch.testing.assert_close(found, weight, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(solution.weights.future, future, rtol=1e-8, atol=1e-8)


@each_setting
@each_weight
def test_equals_weighted_least_squares(setting: Setting, make: Callable[[], Tensor]) -> None:
    check(observed(weight=make()), setting)


@pytest.mark.parametrize("name", ["shared", "generated", "individual"])
@each_weight
def test_with_covariates_whose_coefficients_all_steps_share(
    name: str, make: Callable[[], Tensor]
) -> None:
    check(observed("past future", weight=make()), SETTINGS[name], shift=1)


@each_setting
@pytest.mark.parametrize("stride", [2, 5])
def test_a_stride_selects_windows(setting: Setting, stride: int) -> None:
    starts = torch.arange(T)
    counts = (T - L - H - starts) % stride == 0
    if stride == 5:
        setting = replace(setting, embedding_dim=min(setting.embedding_dim, 2), individual=False)
    check(observed("past", counts=counts), setting)


@each_setting
def test_without_factored_equations_kept(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    series = observed("future", weight=by_row())
    expected = fit([series], setting).weights
    small = ExactOptions(factor_lookback=3, max_memory_gb=2e-3)
    found = solve_exact(
        Problem(L, H), [series], options=small, combination=Combination.alone(setting)
    ).weights
    torch.testing.assert_close(found.weight, expected.weight, rtol=1e-9, atol=1e-10)


@each_setting
def test_weights_of_one_equal_no_weights(setting: Setting) -> None:
    setting = replace(setting, ridge=0.1)
    plain = fit([observed("past future")], setting)
    weighted = fit([observed("past future", weight=torch.ones(T, 1).double())], setting)
    for one, other in (
        (plain.weights.weight, weighted.weights.weight),
        (plain.weights.future, weighted.weights.future),
    ):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-9)


@each_weight
def test_a_number_times_all_weights_changes_nothing(make: Callable[[], Tensor]) -> None:
    setting = replace(SETTINGS["generated"], ridge=0.1)
    one, other = (fit([observed("future", weight=c * make())], setting) for c in (1.0, 1e6))
    torch.testing.assert_close(one.weights.weight, other.weights.weight, rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(one.weights.future, other.weights.future, rtol=1e-8, atol=1e-10)


def test_weight_zero_leaves_windows_out() -> None:
    """The first half of the rows: the windows that forecast the second remain."""
    weight = torch.ones(T, 1, dtype=torch.float64)
    weight[:80] = 0.0
    counts = torch.arange(T) >= 80 - L
    setting = replace(SETTINGS["shared"], norm="last")
    solution = fit([observed(weight=weight)], setting)
    whole = written_out(observed(weight=weight), solution, 0)[0]
    # rows 79 and 80: the second step of this window counts, the first does not
    counts[79 - L] = True
    rows = torch.ones(T, 1, dtype=torch.float64)
    rows[79] = 0.0
    left_out = fit([observed(weight=rows, counts=counts)], setting)
    torch.testing.assert_close(solution.weights.weight, whole, rtol=1e-7, atol=1e-8)
    torch.testing.assert_close(
        left_out.weights.weight, solution.weights.weight, rtol=1e-7, atol=1e-8
    )


def test_several_series_have_weights_of_their_own() -> None:
    """Weight 0 for one of two series is the other alone."""
    one = observed(weight=by_row())
    zero = replace(observed(weight=torch.zeros(T, 1).double()), target=ROWS.flip(0))
    setting = SETTINGS["shared"]
    both = fit([one, zero], setting)
    x, y, _ = design(both.units.standardise(one), WindowLayout(L, H))
    for h in range(H):
        root = one.weight[L + h :][: len(x)].sqrt()
        rows, target = (x * root[..., None]).flatten(0, 1), (y[..., h] * root).flatten()
        expected = torch.linalg.lstsq(rows, target[:, None], driver="gelsd").solution[:, 0]
        torch.testing.assert_close(both.weights.weight[0, h], expected, rtol=1e-8, atol=1e-8)


def test_settings_are_compared_on_weighted_fits() -> None:
    problem = Problem(L, H, search=SearchSpace(("none", "last"), (0, 2)))
    solution = solve_exact(problem, [observed(weight=exponential())])
    assert len(solution.compared) > 1
    assert all(entry.validation_mse > 0 for entry in solution.compared)
    again = fit([observed(weight=exponential())], solution.setting)
    torch.testing.assert_close(again.weights.weight, solution.weights.weight)


def test_few_groups_visit_the_windows_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exponential weights: one regression for all steps."""
    made = []
    original = step_regressions.GeneratedRegression

    def counted(*args: object) -> object:
        made.append(args)
        return original(*args)

    monkeypatch.setattr(step_regressions, "GeneratedRegression", counted)
    fit([observed(weight=exponential())], SETTINGS["shared"])
    assert len(made) == 1


class TestErrors:
    def test_too_large_equations(self) -> None:
        options = ExactOptions(max_memory_gb=1e-6)
        with pytest.raises(ValueError, match="more than max_memory_gb=1e-06"):
            solve_exact(
                Problem(L, H),
                [observed(weight=by_row())],
                options=options,
                combination=Combination.alone(SETTINGS["individual"]),
            )

    def test_learned_embeddings(self) -> None:
        options = ExactOptions(embedding_steps=2)
        with pytest.raises(ValueError, match="embedding_steps=2 has no closed form"):
            solve_exact(Problem(L, H), [observed(weight=by_row())], options=options)

"""When a setting is taken from the fit before, and when settings are compared again."""

from dataclasses import replace

import pytest
import torch
from made_series import H, L, clustered
from torch import Tensor

from hyperforecast.nn.exact import (
    Combination,
    ExactOptions,
    ObservedSeries,
    Problem,
    SearchSpace,
    Setting,
    SettingHistory,
    solve_exact,
)

PROBLEM = Problem(L, H, search=SearchSpace(embedding_dims=(0, 2)))


def part(first: int, end: int) -> ObservedSeries:
    return replace(clustered().rows(first, end), start=first)


def fit(
    history: SettingHistory,
    series: list[ObservedSeries],
    options: ExactOptions | None = None,
    problem: Problem = PROBLEM,
) -> Combination | None:
    """Fit, and return the setting that was taken from the fit before."""
    options = options or ExactOptions()
    recalled = history.recall(problem, series, options)
    solution = solve_exact(problem, series, options=options, combination=recalled)
    history.note(problem, series, options, solution, recalled is not None)
    return recalled


@pytest.mark.parametrize(
    "spans",
    [
        [(0, 300), (0, 301), (0, 310), (0, 320)],  # a growing window
        [(0, 300), (5, 305), (10, 310), (15, 315)],  # a sliding one
    ],
)
@pytest.mark.parametrize(
    ("choose_every", "recalled"),
    [
        (None, [False, True, True, True]),
        (1, [False, False, False, False]),
        (2, [False, True, False, True]),
        (3, [False, True, True, False]),
    ],
)
def test_settings_are_compared_at_every_nth_fit(
    spans: list[tuple[int, int]], choose_every: int | None, recalled: list[bool]
) -> None:
    history, options = SettingHistory(), ExactOptions(choose_every=choose_every)
    found = [fit(history, [part(*span)], options) for span in spans]
    assert [setting is not None for setting in found] == recalled
    taken = [one.settings for one in found if one is not None]
    assert {setting.embedding_dim for settings in taken for setting in settings} <= {2}


@pytest.mark.parametrize(
    "series",
    [
        [replace(part(0, 301), target=part(0, 301).target + 1.0)],  # other values
        [part(250, 500)],  # too little in common
        [replace(part(0, 301), start=None)],  # at an unknown time
        [part(0, 301), part(0, 301)],
        [replace(part(0, 301), target=part(0, 301).target[:, :4])],
    ],
    ids=["values", "apart", "unknown", "number", "channels"],
)
def test_other_series_compare_their_own(series: list[ObservedSeries]) -> None:
    history = SettingHistory()
    fit(history, [part(0, 300)])
    assert fit(history, series) is None


@pytest.mark.parametrize(
    ("problem", "options"),
    [(replace(PROBLEM, shift=1), ExactOptions()), (PROBLEM, ExactOptions(ridge=1.0))],
)
def test_another_problem_compares_its_own(problem: Problem, options: ExactOptions) -> None:
    history = SettingHistory()
    fit(history, [part(0, 300)])
    assert fit(history, [part(0, 301)], options, problem) is None


def test_too_few_windows_to_compare_are_not_remembered() -> None:
    history = SettingHistory()
    fit(history, [part(0, L + H + 1)])
    assert fit(history, [part(0, L + H + 2)]) is None


class TestSolvingASetting:
    def weights(self, problem: Problem, **kwargs: object) -> tuple[Tensor, Setting, int]:
        solution = solve_exact(problem, [part(0, 400)], **kwargs)
        return solution.weights.weight, solution.setting, len(solution.compared)

    def test_equals_what_selecting_it_ends_with(self) -> None:
        expected, setting, _ = self.weights(PROBLEM)
        weight, kept, n_rows = self.weights(PROBLEM, combination=Combination.alone(setting))
        torch.testing.assert_close(weight, expected)
        assert (kept, n_rows) == (setting, 1)

    def test_with_quantiles_too(self) -> None:
        problem = replace(PROBLEM, quantiles=(0.1, 0.5, 0.9))
        chosen = solve_exact(problem, [part(0, 400)])
        again = solve_exact(problem, [part(0, 400)], combination=chosen.combination)
        torch.testing.assert_close(again.weights.weight, chosen.weights.weight)
        assert again.residual_quantiles is not None
        for name in ("offsets", "volatility"):
            one, other = (getattr(found.residual_quantiles, name) for found in (again, chosen))
            if name == "volatility":
                one, other = (found.coefficients for found in (one, other))
            torch.testing.assert_close(one, other)


def test_settings_are_those_of_any_quantiles() -> None:
    history = SettingHistory()
    fit(history, [part(0, 300)])
    quantiles = replace(PROBLEM, quantiles=(0.1, 0.5, 0.9), centred=True)
    assert fit(history, [part(0, 310)], problem=quantiles) is not None
    assert fit(history, [part(0, 320)], problem=replace(PROBLEM, shift=1)) is None

"""Win rates and skill scores, by hand."""

import pandas as pd
import pytest

from benchmarks.comparison.scores import skill_scores, win_rates


def test_a_win_rate_counts_tasks_and_rivals() -> None:
    errors = pd.DataFrame({"a": [1.0, 2.0], "b": [2.0, 2.0], "c": [3.0, 1.0]})
    rates = win_rates(errors)
    assert rates["a"] == pytest.approx((1 + 1 + 0.5 + 0) / 4)
    assert rates["b"] == pytest.approx((0 + 1 + 0.5 + 0) / 4)
    assert rates.sum() == pytest.approx(1.5)


def test_a_skill_score_is_of_the_geometric_mean() -> None:
    errors = pd.DataFrame({"naive": [1.0, 4.0], "a": [0.5, 8.0], "b": [0.25, 4.0]})
    scores = skill_scores(errors, "naive")
    assert scores["naive"] == 0.0
    assert scores["a"] == pytest.approx(0.0)
    assert scores["b"] == pytest.approx(0.5)


def test_one_absurd_error_does_not_decide() -> None:
    errors = pd.DataFrame({"naive": [1.0], "a": [1e9]})
    assert skill_scores(errors, "naive")["a"] == pytest.approx(-99.0)

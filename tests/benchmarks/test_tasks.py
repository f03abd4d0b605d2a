"""Errors of tasks at the end stand beside those right after each was learned."""

import pytest

from benchmarks.tasks import TASKS, table


def test_what_is_forgotten_is_the_error_at_the_end_by_that_before() -> None:
    kept = {"kept_shared": 10, "kept_each": 2}
    learned = {f"{name}_learned": 2.0 for name in TASKS}
    end = {f"{name}_end": 2.0 + number for number, name in enumerate(reversed(TASKS))}
    alone = {f"{name}_{when}": 4.0 for name in TASKS for when in ("learned", "end")}
    rows = [
        {"method": "held", "seed": 0, **learned, **end, **kept},
        {"method": "alone", "seed": 0, **alone, **kept},
    ]
    held, others = table(rows).to_dict("records")
    assert held["first task, end / learned"] == pytest.approx(6.0 / 2.0)
    assert held["worst task, end / learned"] == pytest.approx(6.0 / 2.0)
    assert held["learned / alone, mean"] == pytest.approx(0.5)
    assert held["end / alone, mean"] == pytest.approx((2 + 3 + 4 + 5 + 6) / 5 / 4)
    assert others["end / alone, mean"] == 1.0

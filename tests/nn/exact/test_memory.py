"""The memory that is asked for is what is used, measured in processes of their own."""

import pytest

from benchmarks.solver.memory import BOUNDED, Case, growth

SMALL = [
    (Case(300, 300, 96, 24, embedding_dim=300, norm="none"), 0.1),
    (Case(1500, 60, 96, 24, covariates=1, embedding_dim=2, factors=3), 0.1),
]


@pytest.mark.parametrize(("case", "bound"), SMALL, ids=["one head each", "RevIN"])
def test_bound_is_honoured(case: Case, bound: float) -> None:
    assert growth(case, bound) <= 1.2 * bound


@pytest.mark.slow
@pytest.mark.parametrize(("case", "bound"), BOUNDED, ids=[str(case) for case, _ in BOUNDED])
def test_bound_is_honoured_by_large_problems(case: Case, bound: float) -> None:
    assert growth(case, bound) <= 1.2 * bound

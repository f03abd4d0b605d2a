"""The exact solver's forecasts are those of least squares, over random settings."""

from hypothesis import strategies as st

from tests.fuzz.cases import Data
from tests.fuzz.conftest import Campaign
from tests.fuzz.least_squares import Problem, run
from tests.fuzz.outcomes import outcome_of

problems = st.builds(
    Problem,
    data=st.builds(
        Data,
        seed=st.integers(0, 2**16),
        rows=st.sampled_from([60, 80]),
        channels=st.integers(1, 3),
        series=st.sampled_from([1, 2]),
        kind=st.sampled_from(["seasonal", "noise", "walk"]),
        index=st.sampled_from(["days", "range"]),
        past=st.sampled_from([0, 1]),
        future=st.sampled_from([0, 1]),
        static=st.sampled_from([0, 1, 2]),
    ),
    backbone=st.sampled_from(["dlinear", "nlinear"]),
    norm=st.sampled_from(["none", "last", "mean", "revin"]),
    weights=st.sampled_from(["shared", "individual", "generated"]),
    n_factors=st.sampled_from([0, 1]),
    shift=st.sampled_from([0, 1, 2]),
)


def test_exact_solutions_are_those_of_least_squares(campaign: Campaign) -> None:
    tally = campaign(problems, lambda case: outcome_of(lambda: run(case)), 75)
    assert not tally.verdict(), tally.verdict()

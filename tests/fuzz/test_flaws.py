"""Data that nobody would give on purpose end in a forecast or in an error that says what to do."""

import pytest
from hypothesis import strategies as st

from tests.fuzz.cases import HOSTS, Data, settings_of_models
from tests.fuzz.conftest import Campaign
from tests.fuzz.flaws import FLAWS, MISUSES, Flawed, Misuse, run, run_misuse
from tests.fuzz.outcomes import outcome_of

data = st.builds(
    Data,
    seed=st.integers(0, 2**16),
    rows=st.sampled_from([20, 30]),
    channels=st.integers(1, 3),
    series=st.sampled_from([1, 2]),
    dtype=st.sampled_from(["float64", "float32"]),
    past=st.sampled_from([0, 1, 2]),
    future=st.sampled_from([0, 1, 2]),
    static=st.sampled_from([0, 1, 2]),
)


@pytest.mark.parametrize("host", HOSTS)
def test_flawed_data(host: str, campaign: Campaign) -> None:
    cases = st.builds(
        Flawed,
        host=st.just(host),
        setting=settings_of_models,
        data=data,
        flaw=st.sampled_from(sorted(FLAWS)),
        where=st.sampled_from(["y", "y", "past", "future", "static"]),
        when=st.sampled_from(["fit", "forecast"]),
        row=st.integers(0, 40),
    )
    tally = campaign(cases, lambda case: outcome_of(lambda: run(case)), 75)
    assert not tally.verdict(), tally.verdict()


@pytest.mark.parametrize("host", HOSTS)
def test_arguments_of_wrong_kinds(host: str, campaign: Campaign) -> None:
    cases = st.builds(
        Misuse,
        host=st.just(host),
        setting=settings_of_models,
        argument=st.sampled_from(sorted(MISUSES[host])),
        value=st.integers(0, 59),
    )
    tally = campaign(cases, lambda case: outcome_of(lambda: run_misuse(case)), 60)
    assert not tally.verdict(), tally.verdict()

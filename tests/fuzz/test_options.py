"""Options of any type and size end in a forecast or in an error that says what to do."""

import pytest

from tests.fuzz.cases import HOSTS
from tests.fuzz.conftest import Campaign
from tests.fuzz.odd_options import run, some_options
from tests.fuzz.outcomes import outcome_of


@pytest.mark.parametrize("host", HOSTS)
def test_odd_options(host: str, campaign: Campaign) -> None:
    tally = campaign(some_options(host, odd=True), lambda case: outcome_of(lambda: run(case)), 75)
    assert not tally.verdict(), tally.verdict()


@pytest.mark.parametrize("host", HOSTS)
def test_options_that_may_contradict(host: str, campaign: Campaign) -> None:
    tally = campaign(some_options(host, odd=False), lambda case: outcome_of(lambda: run(case)), 75)
    assert not tally.verdict(), tally.verdict()

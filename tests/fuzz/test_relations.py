"""Regular data of any scale: forecasts are finite, plausible, and change as they should."""

import pytest
from hypothesis import strategies as st

from tests.fuzz.cases import HOSTS, regular_data, settings_of_models
from tests.fuzz.conftest import Campaign
from tests.fuzz.outcomes import outcome_of
from tests.fuzz.relations import RELATIONS, Case, run


@pytest.mark.parametrize("host", HOSTS)
def test_forecasts_change_as_they_should(host: str, campaign: Campaign) -> None:
    cases = st.builds(
        Case,
        host=st.just(host),
        setting=settings_of_models,
        data=regular_data,
        relation=st.sampled_from(sorted(RELATIONS)),
    )
    tally = campaign(cases, lambda case: outcome_of(lambda: run(case)), 90)
    assert not tally.verdict(), tally.verdict()

"""The size of a campaign, and its outcomes at the end of the run."""

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from tests.fuzz.outcomes import KINDS, Outcome, Tally

Campaign = Callable[..., Tally]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Keep the hosts' errors out of the log, where most cases end in one."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def campaign(record_property: Callable[[str, Any], None], request: Any) -> Campaign:
    """Run a case for many generated inputs, and count how they end.

    ``FUZZ`` multiplies the number of cases, ``FUZZ_SEED`` makes others, and ``FUZZ_LOG`` names a
    file for those that ended in an error, or wrong.
    """

    def run(
        strategy: SearchStrategy[Any], outcome_of: Callable[[Any], Outcome], n_cases: int
    ) -> Tally:
        tally = Tally()
        number = round(n_cases * float(os.environ.get("FUZZ", "1")))

        @seed(int(os.environ.get("FUZZ_SEED", "0")))
        @settings(
            max_examples=number,
            database=None,
            deadline=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def each(case: Any) -> None:
            tally.add(case, outcome_of(case))

        each()
        record_property("outcomes", dict(tally.counts))
        for case, outcome in tally.ended:
            record_property("ended", f"{outcome.kind}: {outcome.message}\n  {case}")
        return tally

    return run


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the outcomes of all campaigns by class."""
    total: Counter[str] = Counter()
    ended = []
    lines = []
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) != "call":
                continue
            for name, value in report.user_properties:
                if name == "outcomes":
                    total.update(value)
                    said = ", ".join(f"{kind} {value[kind]}" for kind in KINDS if kind in value)
                    lines.append(f"{report.nodeid.rpartition('::')[2]}: {said}")
                elif name == "ended":
                    ended.append(value)
    if not total:
        return
    terminalreporter.section("outcomes of generated cases")
    for line in sorted(lines):
        terminalreporter.line(line)
    n = sum(total.values())
    terminalreporter.line(f"{n} cases:")
    for kind in KINDS:
        terminalreporter.line(f"  {kind:24} {total[kind]:6} {total[kind] / n:8.2%}")
    path = os.environ.get("FUZZ_LOG")
    if path:
        with open(path, "w") as file:
            file.write("\n".join(ended))

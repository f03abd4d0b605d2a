"""The models that are compared, and their options."""

from typing import Any

from hyperforecast.demo.plan import Plan

HN = "HN-MVTS"
PLAIN = "one for all"
INDIVIDUAL = "one each"
AUTO = "automatic"
LAST = "last value"
SEASONAL = "seasonal naive"

SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    PLAIN: ("plain", {}),
    INDIVIDUAL: ("plain", {"individual": True}),
    HN: ("hn-mvts", {}),
    AUTO: ("automatic", {}),
}
"""Each model's method and options, the same for both hosts; all else is their default."""


def naive_rows(plan: Plan) -> dict[str, int]:
    """Return for each naive forecast how many of the last rows it repeats."""
    rows = {LAST: 1}
    if plan.season is not None and plan.season <= plan.first_test_row:
        rows[SEASONAL] = plan.season
    return rows

"""The models that are compared, and their options."""

from typing import Any

from hyperforecast.automatic.names import ONE_EACH, ONE_FOR_ALL

HN = "HN-MVTS"
AUTO = "automatic"

SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    ONE_FOR_ALL: ("plain", {}),
    ONE_EACH: ("plain", {"individual": True}),
    HN: ("hn-mvts", {}),
    AUTO: ("automatic", {}),
}
"""Each model's method and options, the same for both hosts; all else is their default."""

REPEATED = (ONE_FOR_ALL, AUTO)
"""Models that are compared through sktime, too, where they are the same networks."""

"""Names of parametrized cases."""

import re
from typing import Any


def case_name(value: Any) -> str:
    """Return how a value is written, without addresses: the same in every process."""
    return re.sub(r" at 0x\w+", "", repr(value))

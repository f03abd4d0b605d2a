"""Whether the time to compare settings is over."""

from collections.abc import Callable

IsLate = Callable[[], bool]
"""Asked between solutions; once it has said yes, nothing further is compared."""


def never() -> bool:
    """Say that there is time."""
    return False

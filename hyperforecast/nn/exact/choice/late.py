"""Whether the time to compare settings is over."""

from collections.abc import Callable

IsLate = Callable[[], bool]
"""Asked between solutions; once it has said yes, nothing further is compared."""


class OutOfTime(Exception):
    """Raised where the time to compare is over, and nothing can be told of what was begun."""


def never() -> bool:
    """Say that there is time."""
    return False

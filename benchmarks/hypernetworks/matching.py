"""Networks with as many parameters as another one."""

from bisect import bisect_left
from collections.abc import Callable

TOLERANCE = 0.02
"""By how much the numbers of parameters may differ."""


def matching(name: str, wanted: int, count: Callable[[int], int]) -> int:
    """Return the size at which a network has as many parameters as another.

    Parameters
    ----------
    name : str
        What the size is, for the message of the error.
    wanted : int
        Number of parameters of the other network.
    count : callable
        Number of parameters at a size, which has to grow with it.

    Raises
    ------
    ValueError
        If no size comes close enough.
    """
    highest = 1
    while count(highest) < wanted:
        highest *= 2
    above = bisect_left(range(highest), wanted, lo=1, key=count)
    size = min(max(1, above - 1), above, key=lambda one: abs(count(one) - wanted))
    if abs(count(size) / wanted - 1) > TOLERANCE:
        raise ValueError(
            f"{wanted:,} parameters are wanted, within {100 * TOLERANCE:.0f} %; the nearest is "
            f"{name}={size} with {count(size):,}. Choose other sizes of the hypernetwork."
        )
    return size

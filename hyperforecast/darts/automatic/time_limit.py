"""How long the automatic model may take, the fit of what it chooses counted in."""

import math
import time
from collections.abc import Callable

from hyperforecast.nn.exact.choice.late import IsLate


class TimeLimit:
    """Seconds from now on to compare candidates in, and to fit the one that is chosen on all rows.

    The last fit solves for settings that are known, so it takes less than the fit in which the
    candidate compared them. As long as the longest of these took is kept back for it.

    Parameters
    ----------
    seconds : float, optional
        No limit if not given.
    now : callable
        The clock, in seconds.

    Attributes
    ----------
    is_reached : bool
        Whether it has ended anything.
    """

    def __init__(
        self, seconds: float | None = None, now: Callable[[], float] = time.perf_counter
    ) -> None:
        self._now = now
        self._end = math.inf if seconds is None else now() + seconds
        self._kept = 0.0
        self.is_reached = False

    @property
    def left(self) -> float:
        """Seconds left to compare in."""
        return max(0.0, self._end - self._kept - self._now())

    def is_over(self) -> bool:
        """Say whether nothing further is to be compared."""
        self.is_reached |= self.left <= 0
        return self.is_reached

    def keep(self, seconds: float) -> None:
        """Keep seconds back for the last fit, if these are more than what is kept."""
        self._kept = max(self._kept, seconds)

    def of_candidate(self) -> IsLate:
        """Return what says whether a candidate that begins now has to end.

        What it takes is what its own last fit may take: it has half of what is left.
        """
        start = self._now()
        left = self._end - start
        end = start + min(left / 2, left - self._kept)

        def is_late() -> bool:
            late = self._now() >= end
            self.is_reached |= late
            return late

        return is_late

"""How long the automatic model may take, the fit of what it chooses counted in."""

import math
import time
from collections.abc import Callable

from hyperforecast.nn.exact.choice.late import IsLate

LAST_FIT, LAST_FIT_OF_QUANTILES = 1.0, 2.0
"""How many times as long as the fit in which settings were compared the one on all rows takes at
most. Measured: 0.2 to 0.7 for points, 0.8 to 2.4 with quantiles."""


class TimeLimit:
    """Seconds from now on to compare candidates in, and to fit the one that is chosen on all rows.

    The last fit solves for settings that are known, for quantiles without one block of windows
    after another, too. What it takes is told by the fits in which settings were compared.

    Parameters
    ----------
    seconds : float, optional
        No limit if not given.
    last_fit : float
        How many times as long as the longest of these is kept back for it.
    now : callable
        The clock, in seconds.

    Attributes
    ----------
    is_reached : bool
        Whether it has ended anything.
    """

    def __init__(
        self,
        seconds: float | None = None,
        last_fit: float = LAST_FIT,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._now = now
        self._last_fit = last_fit
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

    def note(self, seconds: float) -> None:
        """Keep back what the last fit may take, if settings were compared in some seconds."""
        self._kept = max(self._kept, self._last_fit * seconds)

    def of_candidate(self) -> IsLate:
        """Return what says whether a candidate that begins now has to end.

        What it leaves has to suffice for its own last fit, and for that of those before.
        """
        start = self._now()
        left = self._end - start
        end = start + min(left / (1.0 + self._last_fit), left - self._kept)

        def is_late() -> bool:
            late = self._now() >= end
            self.is_reached |= late
            return late

        return is_late

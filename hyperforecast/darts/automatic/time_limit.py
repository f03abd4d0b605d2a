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
    now : callable
        The clock.
    """

    def __init__(
        self,
        seconds: float | None = None,
        last_fit: float = LAST_FIT,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.now = now
        self._last_fit = last_fit
        self._end = math.inf if seconds is None else now() + seconds
        self._kept = 0.0
        self.is_reached = False

    @property
    def left(self) -> float:
        """Seconds left to compare in."""
        return self.left_beside(0.0)

    def left_beside(self, last_fit: float) -> float:
        """Return the seconds left to compare in, where one more last fit may take some seconds."""
        return max(0.0, self._end - max(self._kept, last_fit) - self.now())

    def is_over(self) -> bool:
        """Say whether there is no time to compare anything further."""
        over = self.left <= 0
        self.is_reached |= over
        return over

    def note(self, seconds: float) -> float:
        """Keep back what the last fit may take, if settings were compared in some seconds.

        Returns
        -------
        float
            That time, in seconds.
        """
        return self.keep(self._last_fit * seconds)

    def keep(self, last_fit: float) -> float:
        """Keep back the seconds that a last fit may take, and return them."""
        self._kept = max(self._kept, last_fit)
        return last_fit

    def suffices_for(self, seconds: float) -> bool:
        """Say whether so many seconds are left, nothing kept back."""
        suffices = self.now() + seconds <= self._end
        self.is_reached |= not suffices
        return suffices

    def seconds_for(self, last_fit: float) -> float:
        """Return how long a candidate may take that begins now; negative if there is no time.

        What it leaves has to suffice for its own last fit, and for that of those before.

        Parameters
        ----------
        last_fit : float
            How many times as long as the candidate its last fit takes at most.
        """
        left = self._end - self.now()
        return min(left / (1.0 + last_fit), left - self._kept)

    def of_candidate(self, last_fit: float | None = None) -> IsLate:
        """Return what says whether a candidate that begins now has to end.

        Parameters
        ----------
        last_fit : float, optional
            See :meth:`seconds_for`; that of what the exact solver compares if not given.
        """
        return self.until(self.seconds_for(self._last_fit if last_fit is None else last_fit))

    def of_last_fit(self) -> IsLate:
        """Return what says whether the fit of what was chosen has to end."""
        return self._from(self._end)

    def until(self, seconds: float) -> IsLate:
        """Return what says whether some seconds, from now on, are over."""
        return self._from(self.now() + seconds)

    def _from(self, end: float) -> IsLate:
        def is_late() -> bool:
            late = self.now() >= end
            self.is_reached |= late
            return late

        return is_late

"""What can be set of solving a head, and the ridges that are compared."""

import math
from dataclasses import dataclass

from hyperforecast.nn.exact.settings.options import check_common

RIDGES = (*(10 ** (exponent / 2) for exponent in range(-12, 7)), math.inf)
"""Ridges tried on the change of the head, in units of the mean diagonal of its equations. The last
leaves the head as it was trained."""


@dataclass(frozen=True)
class HeadOptions:
    """What can be set of solving the head of a trained network.

    Parameters
    ----------
    ridge : float, optional
        Penalty on the squared change of the trained head, in units of the mean diagonal of the
        normal equations. Chosen on validation among 1e-6 … 1e3, and no change, if not given.
    validation_size : float, default=0.2
        Part of the windows, the last of each series, that is held out from solving where no
        validation series is given. The final head is solved on all windows.
    max_memory_gb : float, default=4.0
        Memory that second moments of the features may take. What would take more is made again
        when needed, for some channels after others.
    """

    ridge: float | None = None
    validation_size: float = 0.2
    max_memory_gb: float = 4.0

    def __post_init__(self) -> None:
        check_common(self)

    @property
    def ridges(self) -> tuple[float, ...]:
        """Ridges to choose from, ascending."""
        return RIDGES if self.ridge is None else (self.ridge,)
